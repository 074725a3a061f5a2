"""A job server with an HTTP API, invented for docs/tutorial.md: it runs jobs on this machine.

Every request needs the header `Authorization: Bearer TOKEN`. Bodies and answers are JSON.

    POST   /jobs             takes {"name", "command", "environment", "grace_seconds"}; gives {"id"}
    GET    /jobs?id=A&id=B   gives {"jobs": [...]}: these jobs, without those that do not exist
    GET    /jobs?name=NAME   gives {"jobs": [...]}: the job of that name, or none
    GET    /jobs/ID          gives {"id", "name", "state", "exit_code"}
    GET    /jobs/ID/output   gives what the job has printed so far, as text
    DELETE /jobs/ID          sends SIGTERM to the job, and kills it `grace_seconds` later

A job is `running`, `succeeded`, `failed` or `cancelled`; or `lost` if the server was killed before
the job had ended. Two jobs never have the same name: the second one is refused.

The environments of jobs are kept nowhere. Their records and output lie in a directory that only the
user of the server can read.
"""

from __future__ import annotations

import argparse
import contextlib
import hmac
import json
import os
import re
import signal
import subprocess
import sys
import threading
import uuid
from dataclasses import asdict, dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN_VARIABLE = "HTTP_JOBS_TOKEN"  # noqa: S105 - the name of a variable
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
MAX_BODY_BYTES = 16 * 2**20
MAX_GRACE_SECONDS = 3600
IDLE_SECONDS = 60


class RefusedError(Exception):
    """A request that is not granted."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        """Keep what the client is told."""
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class JobRequest:
    """What a client asks for."""

    name: str
    command: list[str]
    environment: dict[str, str]
    grace_seconds: float

    @classmethod
    def parse(cls, body: object) -> JobRequest:
        """Check the body of a request.

        Raises:
            RefusedError: If it does not describe a job.
        """

        def refuse(reason: str) -> RefusedError:
            return RefusedError(HTTPStatus.BAD_REQUEST, reason)

        def are_texts(values: list[Any]) -> bool:
            return all(isinstance(value, str) for value in values)

        if not isinstance(body, dict):
            raise refuse("the body is not a JSON object")
        if unknown := sorted(body.keys() - {*cls.__dataclass_fields__}):
            raise refuse(f"there is no field {unknown[0]!r}")
        name, command = body.get("name"), body.get("command")
        environment, grace = body.get("environment", {}), body.get("grace_seconds", 10)
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise refuse(f"name: {name!r} does not match {NAME.pattern}")
        if not isinstance(command, list) or not command or not are_texts(command):
            raise refuse("command: not a list of texts, of which the first is a program")
        if not isinstance(environment, dict) or not are_texts([*environment.values()]):
            raise refuse("environment: not an object whose values are texts")
        if type(grace) not in (int, float) or not 0 <= grace <= MAX_GRACE_SECONDS:
            raise refuse(f"grace_seconds: {grace!r} is not a number up to {MAX_GRACE_SECONDS}")
        return cls(name, command, environment, float(grace))


@dataclass
class Record:
    """What the server knows of a job."""

    id: str
    name: str
    state: str = "running"
    exit_code: int | None = None

    def save(self, directory: Path) -> None:
        """Write it to a file, which has the old content or the new at any time."""
        draft = directory / f"{self.id}.draft"
        draft.write_text(json.dumps(asdict(self)), encoding="utf-8")
        draft.replace(directory / f"{self.id}.json")


class Jobs:
    """All jobs: those that run, and those of which there is a record."""

    def __init__(self, directory: Path) -> None:
        """Read the records of an earlier server. What ran then is lost."""
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        directory.chmod(0o700)
        self._directory = directory
        self._lock = threading.Lock()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._graces: dict[str, float] = {}
        self._cancelled: dict[str, threading.Event] = {}
        self._records: dict[str, Record] = {}
        for path in directory.glob("*.json"):
            record = Record(**json.loads(path.read_text(encoding="utf-8")))
            if record.state == "running":
                record.state = "lost"
                record.save(directory)
            self._records[record.id] = record

    def start(self, request: JobRequest) -> Record:
        """Start a job in a process group of its own.

        Raises:
            RefusedError: If its name is taken, or it can't be started.
        """
        with self._lock:
            if any(record.name == request.name for record in self._records.values()):
                raise RefusedError(HTTPStatus.CONFLICT, f"there is a job {request.name!r} already")
            record = Record(uuid.uuid4().hex, request.name)
            inherited = {k: v for k, v in os.environ.items() if k != TOKEN_VARIABLE}
            try:
                with self.output(record.id).open("wb") as output:
                    process = subprocess.Popen(
                        request.command,
                        env={**inherited, **request.environment},
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
            except (OSError, ValueError) as error:
                self.output(record.id).unlink(missing_ok=True)
                reason = f"it can't be started: {error}"
                raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, reason) from error
            self._records[record.id] = record
            self._processes[record.id] = process
            self._graces[record.id] = request.grace_seconds
            record.save(self._directory)
        # Not one of those that end with the program, as the thread of the request is.
        threading.Thread(target=self._watch, args=(record, process), daemon=False).start()
        return record

    def _watch(self, record: Record, process: subprocess.Popen[bytes]) -> None:
        # Not reaped yet: until `wait`, no other process or group can have its id.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with self._lock:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # What the job has left behind.
            record.exit_code = process.wait()
            cancelled = self._cancelled.pop(record.id, None)
            record.state = "succeeded" if record.exit_code == 0 else "failed"
            if cancelled:
                record.state = "cancelled"
                cancelled.set()
            del self._processes[record.id], self._graces[record.id]
            record.save(self._directory)

    def cancel(self, job_id: str) -> None:
        """Have a job ended; nothing happens if it has ended, or is being ended."""
        with self._lock:
            if job_id not in self._processes or job_id in self._cancelled:
                return
            self._cancelled[job_id] = ended = threading.Event()
            os.kill(self._processes[job_id].pid, signal.SIGTERM)
            grace_seconds = self._graces[job_id]

        def kill() -> None:
            if not ended.wait(grace_seconds):
                with self._lock:
                    if process := self._processes.get(job_id):
                        os.killpg(process.pid, signal.SIGKILL)

        threading.Thread(target=kill, daemon=True).start()

    def get(self, job_id: str) -> Record:
        """Look a job up.

        Raises:
            RefusedError: If there is none.
        """
        with self._lock:
            if record := self._records.get(job_id):
                return record
        raise RefusedError(HTTPStatus.NOT_FOUND, f"there is no job {job_id!r}")

    def select(self, ids: list[str], names: list[str]) -> list[Record]:
        """Find the jobs that have one of the ids or names."""
        with self._lock:
            records = [*self._records.values()]
        return [record for record in records if record.id in ids or record.name in names]

    def output(self, job_id: str) -> Path:
        """Name the file with what a job prints."""
        return self._directory / f"{job_id}.log"

    def end(self) -> None:
        """Have every job ended."""
        with self._lock:
            running = [*self._processes]
        for job_id in running:
            self.cancel(job_id)


class Server(ThreadingHTTPServer):
    """Answers on 127.0.0.1 only."""

    daemon_threads = True

    def __init__(self, port: int, jobs: Jobs, token: str) -> None:
        """Listen.

        Args:
            port: The port; 0 for one that is free.
            jobs: The jobs.
            token: What clients have to know.
        """
        super().__init__(("127.0.0.1", port), Handler)
        self.jobs, self.token = jobs, token


class Handler(BaseHTTPRequestHandler):
    """Answers one request after the other on one connection."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    server: Server

    def do_GET(self) -> None:
        """Answer a request for information."""
        self._answer()

    def do_POST(self) -> None:
        """Answer a request for a new job."""
        self._answer()

    def do_DELETE(self) -> None:
        """Answer a request for the end of a job."""
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: what clients do is no concern of the terminal."""

    def _answer(self) -> None:
        try:
            body = self._body()  # Read also if it is refused: the next request comes after it.
            expected, given = f"Bearer {self.server.token}", self.headers.get("Authorization", "")
            if not hmac.compare_digest(expected.encode(), given.encode()):
                reason = "the header Authorization does not have the token of this server"
                raise RefusedError(HTTPStatus.UNAUTHORIZED, reason)
            url = urlsplit(self.path)
            status, answer = self._route(url.path.split("/")[1:], parse_qs(url.query), body)
        except RefusedError as error:
            status, answer = error.status, {"error": str(error)}
        is_text = isinstance(answer, bytes)
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if is_text else "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            reason = f"Content-Length: {length!r} is not a number up to {MAX_BODY_BYTES}"
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, reason)
        return self.rfile.read(int(length))

    def _route(
        self, path: list[str], query: dict[str, list[str]], body: bytes
    ) -> tuple[HTTPStatus, dict[str, Any] | bytes]:
        jobs = self.server.jobs
        match self.command, path:
            case "POST", ["jobs"]:
                try:
                    content = json.loads(body)
                except ValueError as error:
                    raise RefusedError(HTTPStatus.BAD_REQUEST, f"no JSON: {error}") from error
                return HTTPStatus.CREATED, {"id": jobs.start(JobRequest.parse(content)).id}
            case "GET", ["jobs"]:
                found = jobs.select(query.get("id", []), query.get("name", []))
                return HTTPStatus.OK, {"jobs": [asdict(record) for record in found]}
            case "GET", ["jobs", job_id]:
                return HTTPStatus.OK, asdict(jobs.get(job_id))
            case "GET", ["jobs", job_id, "output"]:
                return HTTPStatus.OK, jobs.output(jobs.get(job_id).id).read_bytes()
            case "DELETE", ["jobs", job_id]:
                jobs.cancel(jobs.get(job_id).id)
                return HTTPStatus.ACCEPTED, {}
        reason = f"there is nothing at {self.command} {self.path}"
        raise RefusedError(HTTPStatus.NOT_FOUND, reason)


def main() -> None:
    """Serve until SIGTERM or SIGINT comes; then end the jobs that still run."""
    parser = argparse.ArgumentParser(description="An invented job server for a tutorial.")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: any)")
    parser.add_argument("--directory", type=Path, default=Path("jobs"), help="records and output")
    arguments = parser.parse_args()
    token = os.environ.get(TOKEN_VARIABLE, "")
    if not token:
        sys.exit(f"{TOKEN_VARIABLE} is not set: clients have to show it. Set it to a secret text.")
    os.umask(0o077)
    jobs = Jobs(arguments.directory)
    try:
        server = Server(arguments.port, jobs, token)
    except (OSError, OverflowError) as error:
        sys.exit(f"--port {arguments.port}: {error}")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"Listening on http://127.0.0.1:{server.server_port}", flush=True)
    stop.wait()
    server.shutdown()
    jobs.end()  # The threads that watch them end after the last one.


if __name__ == "__main__":
    main()
