"""A ZenML server of a scenario's own, over the scenario's store.

Clients, operators and jobs talk to it. The scenario itself reads the database beneath, so that what
it sees does not depend on the server's health.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import secrets
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zenml_conformance import store
from zenml_conformance.context.evidence import Done, Raised
from zenml_conformance.context.processes import Process
from zenml_conformance.engine.child import ProcessSpec
from zenml_conformance.engine.session import Session
from zenml_conformance.inputs import read_tail
from zenml_conformance.protocol import EngineClient
from zenml_conformance.target.target import Target

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

START_SECONDS = 60.0
"""How long a server may take to answer, on a busy machine."""

LOGIN_MINUTES = 60
"""How long a login lasts."""

USER = "default"
"""The user whom ZenML makes with every new store."""

# What the server and its scenario leave in the server's directory for each other.
LOGIN, TOKENS, REQUESTS, REFUSED = "login", "tokens", "requests", "refused"
ARMED, FAILING, FAILED = "armed", "failing", "failed"

A_STEP = re.compile(r"/api/v1/steps/[^/]+")
"""The path of a step's record (`zenml.zen_server.routers.steps_endpoints`)."""


class ZenMLServer:
    """The server, as its scenario sees it."""

    def __init__(self, engine: EngineClient, directory: Path, session: Session) -> None:
        """Choose an address.

        Args:
            engine: Where it is forked.
            directory: Where `store.clone` put the store.
            session: The scenario's session. The orchestrator works in the server, too, when
                a user clicks on its dashboard.
        """
        self._engine = engine
        self._store = directory
        self._directory = directory / "server"
        self._directory.mkdir(mode=0o700)
        self._session = session
        self._signature = secrets.token_hex(32)
        self._host = Target.load(session.target).harness.server_host()
        self._port = _free_port(self._host)
        self._process: Process | None = None
        self.url = f"http://{self._host}:{self._port}"

    def start(self) -> None:
        """Start it; when it was stopped, again, with the same address and signature.

        Raises:
            RuntimeError: If it does not answer.
        """
        ready, log = self._directory / LOGIN, self._directory / "server.log"
        ready.unlink(missing_ok=True)
        database = self._store / "zenml" / "local_stores" / "default_zen_store" / "zenml.db"
        spec = ProcessSpec(
            call=f"{__name__}:serve",
            payload={
                "host": self._host,
                "port": self._port,
                "directory": str(self._directory),
            },
            environment={
                **store.user_environment(None),
                "DISABLE_DATABASE_MIGRATION": "true",
                "ZENML_CONFIG_PATH": str(self._directory / "zenml"),
                "ZENML_STORE_URL": f"sqlite:///{database}",
                "ZENML_SERVER": "true",
                "ZENML_SERVER_AUTO_ACTIVATE": "true",
                "ZENML_SERVER_JWT_SECRET_KEY": self._signature,
                "ZENML_SERVER_JWT_TOKEN_EXPIRE_MINUTES": str(LOGIN_MINUTES),
            },
            cwd=str(self._directory),
            log=str(log),
            session=self._session,
        )
        self._process = Process(self._engine, spec)
        deadline = time.monotonic() + START_SECONDS
        while not ready.exists():
            if time.monotonic() > deadline or not self._process.is_alive:
                words = read_tail(log) if log.exists() else ""
                raise RuntimeError(f"ZenML's server did not start at {self.url}\n{words}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Kill it, as the machine that it runs on may."""
        if self._process:
            self._process.kill()
            self._process.wait(START_SECONDS)

    def log_in(self) -> str:
        """Log all clients of the scenario in.

        Returns:
            The token that the server has given out.
        """
        token = (self._directory / LOGIN).read_text().strip()
        store.log_in(self._store / store.CONFIGURATION, self.url, token)
        return token

    def add_user(self, name: str) -> str:
        """Add a user, and log in.

        Args:
            name: The user's.

        Returns:
            The token that a login gives.

        Raises:
            requests.RequestException: If the server refuses the login.
        """
        import requests
        from zenml.client import Client

        password = secrets.token_hex()
        Client().create_user(name, password, is_admin=True)
        form = {"username": name, "password": password}
        response = requests.post(f"{self.url}/api/v1/login", data=form, timeout=START_SECONDS)
        response.raise_for_status()
        return str(response.json()["access_token"])

    def click(self, path: str, token: str, seconds: float, **parameters: Any) -> Done:
        """Have the server do something, as a button of its dashboard does.

        Args:
            path: Of the request.
            token: That of a login.
            seconds: How long it may take.
            **parameters: Of the request.

        Returns:
            What the server said.
        """
        import requests

        try:
            response = requests.post(
                f"{self.url}/api/v1/{path}",
                params=parameters,
                headers={"Authorization": f"Bearer {token}"},
                timeout=seconds,
            )
        except requests.RequestException as error:
            return Done(raised=Raised.of(error))
        if response.ok:
            return Done(gave=response.text)
        return Done(raised=Raised(type=str(response.status_code), message=response.text))

    def refuse(self, token: str) -> None:
        """Refuse a token from now on, as one whose time is over.

        Args:
            token: The token.
        """
        _write_privately(self._directory / REFUSED, token)

    def fail_after_a_step(self) -> None:
        """Fail as soon as the next step has reported its end: what it asked for is answered."""
        (self._directory / ARMED).touch()

    @property
    def fails(self) -> bool:
        """Whether it answers every request with an error by now."""
        return (self._directory / FAILING).exists()

    @property
    def has_failed(self) -> bool:
        """Whether a request has been answered with an error."""
        return (self._directory / FAILED).exists()

    def recover(self) -> None:
        """Fail no longer."""
        (self._directory / ARMED).unlink(missing_ok=True)
        (self._directory / FAILING).unlink(missing_ok=True)

    def tokens(self) -> set[str]:
        """Give all tokens with which requests have come so far."""
        return set(self._noted(TOKENS))

    def requests(self) -> list[str]:
        """Give all requests that have come so far: method and path."""
        return self._noted(REQUESTS)

    def _noted(self, what: str) -> list[str]:
        """The lines that the gate has written down so far."""
        path = self._directory / what
        return path.read_text().splitlines() if path.exists() else []


def _free_port(host: str) -> int:
    """Find a port that nobody uses now, and that the system gives to no client."""
    for port in random.SystemRandom().sample(range(15000, 32000), k=1000):
        with socket.socket() as attempt:
            try:
                attempt.bind((host, port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no port is free on {host} for ZenML's server")


def _write_privately(path: Path, text: str) -> None:
    """Write to a file that only its owner can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{text}\n")


# -- in the server's process ----------------------------------------------------------------


def serve(host: str, port: int, directory: str) -> None:
    """Serve until killed: the whole life of a server's process.

    Args:
        host: The address to listen on.
        port: Where to listen there.
        directory: The server's.
    """
    import uvicorn
    from zenml.zen_server import auth, utils, zen_server_api

    utils._server_config = None  # That of the engine, which has imported the server.

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                # What a login gives, without a password, which takes ZenML long to check.
                user = utils.zen_store().get_user(USER)
                token = auth.generate_access_token(user.id).access_token
                unfinished = Path(directory, f"{LOGIN}.new")
                _write_privately(unfinished, token)
                unfinished.rename(Path(directory, LOGIN))

    gate = Gate(zen_server_api.app, Path(directory))
    config = uvicorn.Config(
        gate, host=host, port=port, access_log=False, log_level="warning", lifespan="on"
    )
    Server(config).run()


class Gate:
    """What stands before ZenML's server: it notes what comes, and fails when it is told to."""

    def __init__(self, app: ASGIApp, directory: Path) -> None:
        """Stand before a server.

        Args:
            app: The server.
            directory: Where its scenario leaves what to do.
        """
        self._app = app
        self._directory = directory
        self._seen: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it.

        Args:
            scope: What is asked.
            receive: Gives the request's body.
            send: Takes the answer.
        """
        if scope["type"] == "http" and (answer := self._answer(scope)):
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)
        if scope["type"] == "http" and scope["method"] == "PUT" and A_STEP.fullmatch(scope["path"]):
            with contextlib.suppress(FileNotFoundError):
                (self._directory / ARMED).rename(self._directory / FAILING)

    def _answer(self, scope: Scope) -> Any | None:
        from starlette.responses import JSONResponse, PlainTextResponse

        if (self._directory / FAILING).exists():
            (self._directory / FAILED).touch()
            return PlainTextResponse("Internal Server Error", status_code=500)
        _write_privately(self._directory / REQUESTS, f"{scope['method']} {scope['path']}")
        token = _bearer(scope)
        if token and token not in self._seen:
            self._seen.add(token)
            _write_privately(self._directory / TOKENS, token)
        refused = self._directory / REFUSED
        if token and refused.exists() and token in refused.read_text().split():
            detail = ["CredentialsNotValid", "Invalid JWT token: Signature has expired"]
            return JSONResponse({"detail": detail}, status_code=401)
        return None


def _bearer(scope: Scope) -> str | None:
    """The token that a request comes with."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            kind, _, token = value.decode("latin-1").partition(" ")
            return token.strip() if kind.lower() == "bearer" else None
    return None
