"""Slurm's commands, run on this machine or on a login node."""

from __future__ import annotations

import os
import re
import shlex
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from .core.jobs import NoRoomError, OutOfReachError, UnavailableError
from .shell import Shell

TIMEOUT_SECONDS = 180.0
"""How long a command may take. While the queue is full, `sbatch` itself tries for two minutes."""

NOT_FOUND = 127
"""What a shell says of a command that there is not."""

# What Slurm and OpenSSH say when nobody has decided anything.
_OUTAGE = re.compile(
    r"Unable to contact slurm controller|timed out|temporarily unable|temporarily unavailable"
    r"|Communication connection failure|Message (send|receive) failure|Zero Bytes were transmitted"
    r"|in standby mode|Connection .*(refused|reset|closed)|kex_exchange_identification|Broken pipe"
    r"|Rate limit exceeded|temporarily disabled",
    re.IGNORECASE,
)

# What `sbatch` says when a number of jobs is reached: that of the cluster (`MaxJobCount`), or that
# of a user, account or QoS (`MaxSubmitJobs` and its like). Time cures it: jobs end.
_FULL = re.compile(
    r"temporarily unable to accept job|job queue full|MaxJobCount"
    r"|(submission failed|allocation failure): Resource temporarily unavailable"
    r"|(Max|Grp)(Submit)?Jobs?|MaxSubmit|(QOS|Association)JobLimit"
)

# Slurm has one sentence for that and for limits that no time cures, such as a job's size. Since
# version 18.08, the name of the limit is on a line of its own.
_LIMIT = re.compile(r"violates accounting/QOS policy")
_LIMIT_NAME = re.compile(r"\b(Assoc|QOS|Max|Min|Grp)[A-Za-z]+\s*$", re.MULTILINE)

# The environment of a job comes through a pipe. So it is seen in no list of processes and by no
# `scontrol show job`, and it lies in no file that could be left behind, or that machines would have
# to share: the controller keeps it where only Slurm can read, and hands it to the node that the
# job runs on. NUL stands between variables, so values are verbatim. `ALL` is the default, which
# may have been changed (`SBATCH_EXPORT`).
_SBATCH = "printf '%s\\0' {} | sbatch --export=ALL --export-file=3 --parsable {} 3<&0 </dev/null"

_ENTER = '(cd && mkdir -p -m 700 -- {0} && cd -- {0} && exec env -0 PWD="$(pwd)") </dev/null'


class SlurmError(RuntimeError):
    """A command of Slurm has failed."""


class SlurmMissing(SlurmError, OutOfReachError):
    """Slurm's commands are not where they were looked for."""


class SlurmUnavailable(SlurmError, UnavailableError):
    """Slurm could not be reached, or was too busy. It has not refused: ask again later."""


class SlurmFull(SlurmUnavailable, NoRoomError):
    """Slurm takes no more jobs until some of those that it has have ended."""


@dataclass(frozen=True)
class Slurm:
    """The commands of a cluster.

    Attributes:
        login_node: Where to run them, as `ssh` understands it; None for this machine.
        ssh_options: More options of `ssh`.
        directory: Where jobs start, and write their output; relative to the home directory.
    """

    login_node: str | None = None
    ssh_options: Sequence[str] = ()
    directory: str = "."

    def sbatch(
        self, options: Sequence[str], command: Sequence[str], environment: Mapping[str, str]
    ) -> str:
        """Submit a job.

        Args:
            options: Options of `sbatch`.
            command: The program and its arguments.
            environment: Variables to set, on top of those that `sbatch` hands on by default: its
                own. Names have to be such that a shell can set them.

        Returns:
            The id of the job.

        Raises:
            SlurmFull: If there is no room in the queue.
            SlurmError: If `sbatch` fails. The job may have been submitted all the same, if only
                the answer was lost.
        """
        inherited = self._there if self.login_node else _environment()
        variables = {**inherited, **environment}
        words = [
            *options,
            f"--chdir={self._there['PWD']}",
            # `exec` makes the program the very process that Slurm sends SIGTERM to.
            f"--wrap=exec {shlex.join(command)}",
        ]
        assignments = [f"{name}={value}" for name, value in variables.items()]
        printed = self._submit(_SBATCH.format(shlex.join(assignments), shlex.join(words)))
        # Some clusters have a word of welcome before it, and the name of the cluster may follow.
        if (job_id := re.search(r"^(\d+)(;.*)?\s*\Z", printed, re.MULTILINE)) is None:
            raise SlurmError(f"`sbatch` has printed no id of a job, but {printed!r}.")
        return job_id[1]

    def would_accept(self, options: Sequence[str]) -> None:
        """Ask whether a job with some options could run, if need be after all others.

        Nothing is submitted. Nodes that are down or drained just now do not count.

        Raises:
            SlurmFull: If Slurm does not say, because there is no room in the queue.
            SlurmError: If it could not, or Slurm can't be asked; says why.
        """
        self._submit(f"{shlex.join(['sbatch', '--test-only', *options, '--wrap=:'])} </dev/null")

    def find(self, name: str) -> str | None:
        """Look for a job.

        Returns:
            Its id; None if the controller does not know it.

        Raises:
            SlurmError: If Slurm can't be asked.
        """
        found = self._ask("squeue", "--noheader", "--states=all", f"--name={name}", "--format=%A")
        return found.split()[0] if found.strip() else None

    def state(self, job_id: str) -> str | None:
        """Say how a job is doing.

        Returns:
            The state in Slurm's words, such as `PENDING`; None if the controller does not know
            the job, or no longer: it forgets a job some minutes after its end (`MinJobAge`).

        Raises:
            SlurmError: If Slurm can't be asked.
        """
        return self.states([job_id]).get(job_id)

    def states(self, job_ids: Sequence[str]) -> dict[str, str]:
        """Say how several jobs are doing.

        Returns:
            The states of those that the controller knows, as of `state`.

        Raises:
            SlurmError: If Slurm can't be asked.
        """
        if not job_ids:
            return {}
        jobs = f"--jobs={','.join(job_ids)}"
        try:
            shown = self._ask("squeue", "--noheader", "--states=all", jobs, "--format=%A %T")
        except SlurmError as error:
            # What it says of a single job; of several, it leaves those out that it does not know.
            if "Invalid job id" in str(error):
                return {}
            raise
        return dict(line.split(maxsplit=1) for line in shown.splitlines() if line.strip())

    def scancel(self, job_id: str) -> None:
        """Have a job ended: SIGTERM, and SIGKILL after the cluster's `KillWait`.

        Args:
            job_id: The job. Nothing happens to one that has ended or is unknown.

        Raises:
            SlurmError: If Slurm can't be asked.
        """
        self._ask("scancel", "--quiet", job_id)

    def output_file(self, job_id: str) -> str | None:
        """Say where a job writes to.

        Returns:
            The path; None if there is none.

        Raises:
            SlurmError: If Slurm can't be asked, or does not know the job.
        """
        _, found, rest = self.show(job_id).partition("StdOut=")
        return rest.partition("\n")[0] if found else None

    def show(self, job_id: str) -> str:
        """Say all that the controller knows of a job.

        Returns:
            What `scontrol` prints.

        Raises:
            SlurmError: If Slurm can't be asked, or does not know the job.
        """
        return self._ask("scontrol", "--details", "show", "job", job_id)

    @cached_property
    def _there(self) -> dict[str, str]:
        """The environment where the commands are, in the directory; which is made."""
        printed = self._run(_ENTER.format(shlex.quote(self.directory)))
        return dict(variable.split("=", 1) for variable in printed.split("\0") if variable)

    def _submit(self, script: str) -> str:
        try:
            return self._run(script)
        except SlurmUnavailable:
            raise
        except SlurmError as error:
            message = str(error)
            if not _LIMIT.search(message) or _LIMIT_NAME.search(message):
                raise
            # Which limit it is nobody knows. If it is that of the number of jobs, there are some.
            jobs = self._run('squeue --noheader --format=%A --user="$(id -un)" </dev/null')
            raise (SlurmFull if jobs.strip() else SlurmUnavailable)(message) from error

    def _ask(self, *command: str) -> str:
        return self._run(f"{shlex.join(command)} </dev/null")

    def _run(self, script: str) -> str:
        try:
            status, output, errors = self._shell().run(script, TIMEOUT_SECONDS)
        except FileNotFoundError as error:
            raise SlurmError(f"There is no command `{error.filename}` on this machine.") from error
        except TimeoutError as error:
            message = f"Slurm has not answered for {TIMEOUT_SECONDS:.0f} seconds. {error}"
            raise _error(message) from error
        except ConnectionError as error:
            raise _error(f"The shell has ended. {error}") from error
        if status == NOT_FOUND:
            raise SlurmMissing(
                f"{errors.strip()}: Slurm's commands are not on "
                f"{self.login_node or 'this machine'}. Do this where they are, or name a machine "
                "that has them in `login_node` of the orchestrator."
            )
        if status:
            raise _error(f"Exit status {status}. {errors}")
        return output

    def _shell(self) -> Shell:
        """The shell of this thread, opened anew if it has ended."""
        shell: Shell | None = getattr(self._shells, "open", None)
        if shell is None or not shell.is_open:
            command = ["/bin/sh"]
            if self.login_node:
                # It must not wait for a person to type a password.
                options = ["-o", "BatchMode=yes", "-o", "ServerAliveInterval=15"]
                command = ["ssh", *options, *self.ssh_options, "--", self.login_node, "exec sh"]
            shell = self._shells.open = Shell(command, _environment())
        return shell

    @cached_property
    def _shells(self) -> threading.local:
        return threading.local()


def _error(message: str) -> SlurmError:
    if _FULL.search(message):
        return SlurmFull(
            f"{message.strip()} (`full_queue_timeout_seconds` says how long to wait for room.)"
        )
    kind = SlurmUnavailable if _OUTAGE.search(message) else SlurmError
    return kind(message.strip())


def _environment() -> dict[str, str]:
    """The environment of this process, if it is a job without what that has from Slurm.

    The size of one job must not become that of another which it submits.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if name == "SLURM_CONF" or not name.startswith("SLURM_")
    }
