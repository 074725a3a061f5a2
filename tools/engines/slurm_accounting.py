"""A Slurm cluster with accounting: limits of accounts and QoS hold, and `sacct` has an answer.

The accounts are in a database of the cluster's own, which has no network and no password: it
takes its owner's word on a socket.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine import HOME, Daemon, free_ports, run, socket_path, wait_for
from slurm_cluster import Slurm

ACCOUNTING = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={port}
# Where Munge is: what leads the other daemons there does not count here.
AccountingStoragePass={munge}
AccountingStorageEnforce=associations,limits,qos
"""

CONFIGURATION = """\
AuthType=auth/munge
AuthInfo=socket={munge}
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={port}
SlurmUser=root
PidFile={home}/slurmdbd.own.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm_acct_db
"""


class SlurmWithAccounting(Slurm):
    """The cluster, with `slurmdbd` and its database; the user `root` has the account `root`."""

    packages = (*Slurm.packages, "slurmdbd", "slurm-wlm-mysql-plugin", "mariadb-server")

    def __init__(self, home: Path = HOME, options: str = "") -> None:
        """Describe the cluster.

        Args:
            home: The directory of all engines.
            options: More lines for `slurm.conf`.
        """
        super().__init__(home, options)
        self.database = Daemon(self.home / "database", "mariadbd")
        self.accounting = Daemon(self.home, "slurmdbd")

    @property
    def daemons(self) -> Sequence[Daemon]:
        """The processes that it is made of."""
        return (*super().daemons, self.database, self.accounting)

    def down(self) -> None:
        """Stop the cluster. Its jobs are killed.

        Raises:
            EngineError: If a process stays.
        """
        super().down()
        self.accounting.stop()
        self.database.stop()

    def manage(self, *words: str) -> str:
        """Run `sacctmgr`, which changes accounts, users and QoS at once.

        Args:
            *words: Its arguments.

        Returns:
            What it printed.

        Raises:
            EngineError: If it fails.
        """
        return self.command("sacctmgr", "--immediate", "--noheader", "--parsable2", *words)

    @property
    def _database_socket(self) -> Path:
        return socket_path(self.database.directory / "socket")

    def _configure(self) -> None:
        (port,) = free_ports(1)
        self.storage = ACCOUNTING.format(port=port, munge=self._munge_socket)
        super()._configure()
        data = self.database.directory / "data"
        run(
            *("mariadb-install-db", "--no-defaults", "--user=root", "--skip-test-db"),
            *("--auth-root-authentication-method=socket", f"--datadir={data}"),
            seconds=60,
        )
        configuration = self.home / "slurmdbd.conf"
        configuration.touch(mode=0o600)  # `slurmdbd` wants it to be nobody else's.
        configuration.write_text(
            CONFIGURATION.format(port=port, home=self.home, munge=self._munge_socket),
            encoding="utf-8",
        )

    def _start_controller(self) -> None:
        self.database.start(
            *("mariadbd", "--no-defaults", "--user=root", "--skip-networking"),
            *(f"--datadir={self.database.directory}/data", f"--socket={self._database_socket}"),
        )
        wait_for("the database to answer", self._create_database, [self.database])
        environment = {**self.environment(), "MYSQL_UNIX_PORT": str(self._database_socket)}
        self.accounting.start("slurmdbd", "-D", environment=environment)
        wait_for(
            "slurmdbd to answer",
            lambda: self.manage("show", "cluster"),
            [self.accounting, self.database, self.munge],
        )
        super()._start_controller()

    def _create_database(self) -> None:
        run(
            *("mariadb", "--no-defaults", f"--socket={self._database_socket}"),
            *("--execute", "CREATE DATABASE IF NOT EXISTS slurm_acct_db"),
            seconds=10,
        )
