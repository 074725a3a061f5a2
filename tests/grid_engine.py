"""A Grid Engine cluster of one node, for a test.

Its daemons listen on all addresses, so it has a network of its own, in which there is only
loopback. What is to use it has to run there: `within` says how.
"""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from pathlib import Path

from engine import Daemon, run, wait_for

PROGRAMS = Path("/usr/lib/gridengine")
SHARED = Path("/usr/share/gridengine")

BOOTSTRAP = """\
admin_user         none
default_domain     none
ignore_fqdn        true
spooling_method    classic
spooling_lib       libspoolc
spooling_params    {cell}/common;{cell}/spool
binary_path        {programs}
qmaster_spool_dir  {cell}/spool
security_mode      none
listener_threads   2
worker_threads     2
scheduler_threads  1
"""

CONFIGURATION = {
    "execd_spool_dir": "{home}/execd",
    "min_uid": "0",
    "min_gid": "0",
    "load_report_time": "00:00:01",
}
"""What differs from the configuration that comes with it. Root may submit jobs."""

SCHEDULER = {
    "schedule_interval": "0:0:1",
    "flush_submit_sec": "1",
    "flush_finish_sec": "1",
}
"""The same of its scheduler's. Jobs start at once."""


class GridEngine:
    """The cluster: `sge_qmaster` and a `sge_execd`."""

    def __init__(self, home: Path) -> None:
        """Describe it; nothing is started.

        Args:
            home: Its directory.
        """
        self.home = home
        self.cell = home / "default"
        self.master = Daemon(home, "sge_qmaster")
        self.node = Daemon(home, "sge_execd")
        self.environment = {
            "SGE_ROOT": str(home),
            "SGE_CELL": "default",
            "SGE_QMASTER_PORT": "6444",
            "SGE_EXECD_PORT": "6445",
        }

    @staticmethod
    def is_installed() -> bool:
        """Whether a cluster can be started here."""
        return (PROGRAMS / "sge_qmaster").exists() and os.geteuid() == 0

    @property
    def within(self) -> tuple[str, ...]:
        """What a command line has to begin with."""
        process = self.master.process()
        if process is None:
            raise self.master.fail("sge_qmaster does not run")
        return ("nsenter", f"--net=/proc/{process.pid}/ns/net")

    def up(self, slots: int) -> None:
        """Start it.

        Args:
            slots: How many jobs run at once.

        Raises:
            EngineError: If it does not come up.
        """
        self._configure()
        foreground = {**self.environment, "SGE_ND": "true"}
        enter = f"ip link set lo up && exec {PROGRAMS}/sge_qmaster"
        self.master.start("unshare", "--net", "sh", "-c", enter, environment=foreground)
        host = wait_for("sge_qmaster to answer", lambda: self("qconf", "-sh"), [self.master])
        self("qconf", "-as", host.strip())

        scheduler = self.home / "scheduler"
        scheduler.write_text(_changed(self("qconf", "-ssconf"), SCHEDULER))
        self("qconf", "-Msconf", scheduler)
        for environment in (SHARED / "util/resources/pe").iterdir():
            self("qconf", "-Ap", environment)
        self("qconf", "-aq", "all.q", EDITOR="true")
        # Jobs start, however busy this machine is with other tests.
        for setting in (f"hostlist {host.strip()}", f"slots {slots}", "load_thresholds NONE"):
            self("qconf", "-rattr", "queue", *setting.split(), "all.q")
        # Jobs inherit the environment of the daemon, which must not hold what they should be given.
        variables = [f"{name}={value}" for name, value in foreground.items()]
        self.node.start(*self.within, "env", "-i", *variables, PROGRAMS / "sge_execd")
        wait_for("a job to run", self._run_a_job, [self.node, self.master])

    def down(self) -> None:
        """Stop it, and all that it runs."""
        if (master := self.master.process()) is None:
            return
        network = os.readlink(f"/proc/{master.pid}/ns/net")
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if os.readlink(process / "ns/net") == network:
                    os.kill(int(process.name), signal.SIGKILL)

    def __call__(self, *command: str | Path, **environment: str) -> str:
        """Run one of its commands; return what that has printed."""
        return run(*self.within, *command, environment={**self.environment, **environment})

    def _configure(self) -> None:
        common, spool = self.cell / "common", self.cell / "spool"
        common.mkdir(parents=True)
        spool.mkdir()
        for name in ("bin", "lib", "util", "utilbin"):
            (self.home / name).symlink_to(f"/var/lib/gridengine/{name}")
        (common / "bootstrap").write_text(BOOTSTRAP.format(cell=self.cell, programs=PROGRAMS))
        host = socket.gethostname()
        (common / "act_qmaster").write_text(f"{host}\n")
        # Read at each `qsub`. Projects are not installed here, so jobs look for them as clients do.
        (common / "sge_request").write_text("-v PYTHONPATH\n")
        # On many machines the name of the host leads to loopback, and that is called `localhost`.
        (common / "host_aliases").write_text(f"{host} localhost\n")
        configuration = self.home / "configuration"
        values = {name: value.format(home=self.home) for name, value in CONFIGURATION.items()}
        text = (SHARED / "default-configuration").read_text()
        configuration.write_text(_changed(text, values))
        where = f"{common};{spool}"
        run(PROGRAMS / "spoolinit", "classic", "libspoolc", where, "init",
            environment=self.environment)  # fmt: skip
        for what, source in (
            ("configuration", configuration),
            ("complexes", SHARED / "util/resources/centry"),
            ("usersets", SHARED / "util/resources/usersets"),
            ("managers", "root"),
        ):
            run(PROGRAMS / "spooldefaults", what, source, environment=self.environment)

    def _run_a_job(self) -> None:
        self("qsub", "-sync", "y", "-b", "y", "-o", "/dev/null", "-j", "y", "true")


def _changed(text: str, values: dict[str, str]) -> str:
    """Return a configuration with other values."""
    lines = (line.split(maxsplit=1) for line in text.splitlines() if not line.startswith("#"))
    return "".join(f"{name} {values.get(name, value)}\n" for name, value in lines)
