"""A Slurm cluster of two nodes, on loopback, with a Munge of its own.

The nodes are this machine, twice: what they have (processors, memory, GPUs) is what they are told.
"""

from __future__ import annotations

import re
import secrets
import shutil
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import psutil

from engine import HOME, Daemon, Engine, EngineError, end, free_ports, run, socket_path, wait_for

NODES = {"n1": "a100", "n2": "h100"}
"""The nodes, and the class of their GPUs."""

SERVING = ("idle", "mixed", "allocated", "completing")
"""What `sinfo` calls nodes that take jobs, or would if they had room."""

LAST_JOB_STEP = "67043328.4294967291"
"""The longest name of a job and its step: Slurm's highest `MaxJobId`, and a batch script."""

CONFIGURATION = """\
ClusterName=kit
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={port}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={munge}
StateSaveLocation={home}/state
SlurmdSpoolDir={home}/%n
SlurmctldPidFile={home}/slurmctld.own.pid
SlurmdPidFile={home}/%n/slurmd.own.pid
MailProg=/bin/true
MpiDefault=none
SwitchType=switch/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
ReturnToService=2
MinJobAge=300
MessageTimeout=30
# A node is lost when it has been silent for this long, in seconds.
SlurmdTimeout=30
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=500
# A job that has more memory than it asked for is killed.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
JobAcctGatherParams=OverMemoryKill
# `sacct --completion` reads this.
JobCompType=jobcomp/filetxt
JobCompLoc={home}/completed
GresTypes=gpu
SlurmdParameters=config_overrides
"""

NO_ACCOUNTING = "AccountingStorageType=accounting_storage/none\n"

NODE = (
    "NodeName={name} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port}"
    " CPUs=4 RealMemory=8000 Gres=gpu:{gpu}:2 Feature={name}-only\n"
)
PARTITIONS = """\
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=short Nodes=ALL MaxTime=10 State=UP
"""
# Slurm wants devices. Nobody opens these.
GPUS = "NodeName={name} Name=gpu Type={gpu} File=/dev/null,/dev/zero\n"


class Slurm(Engine):
    """The cluster: `munged`, `slurmctld`, and a `slurmd` for each node."""

    name = "slurm"
    packages: ClassVar[tuple[str, ...]] = ("munge", "slurm-client", "slurmctld", "slurmd")

    def __init__(self, home: Path = HOME, options: str = "") -> None:
        """Describe the cluster.

        Args:
            home: The directory of all engines.
            options: More lines for `slurm.conf`.
        """
        super().__init__(home)
        self.options = options
        self.storage = NO_ACCOUNTING
        self.configuration = self.home / "slurm.conf"
        self.munge = Daemon(self.home, "munged")
        self.controller = Daemon(self.home, "slurmctld")
        self.nodes = {name: Daemon(self.home / name, "slurmd") for name in NODES}

    @property
    def daemons(self) -> Sequence[Daemon]:
        """The processes that it is made of."""
        return (self.munge, self.controller, *self.nodes.values())

    def environment(self) -> dict[str, str]:
        """Return the variables that lead to it."""
        return {"SLURM_CONF": str(self.configuration)}

    def up(self) -> None:
        """Start what does not run; a node that was lost is in service again.

        Raises:
            EngineError: If it does not come up.
        """
        # Without its socket, Slurm cancels a job the moment it starts, and does not say why.
        for node in self.nodes.values():
            socket_path(node.directory / f"{node.directory.name}_{LAST_JOB_STEP}")
        if not any(daemon.process() for daemon in self.daemons):
            self._configure()
        # Forced, Munge starts in a directory that not all users can reach; those can't submit jobs.
        self.munge.start(
            *("munged", "--foreground", "--force", f"--key-file={self.home / 'munge.key'}"),
            f"--socket={self._munge_socket}",
            f"--pid-file={self.home / 'munged.own.pid'}",
            f"--seed-file={self.home / 'munged.seed'}",
        )
        wait_for("munge to answer", self._authenticate, [self.munge])
        self._start_controller()
        for name in self.nodes:
            self.start_node(name)

    def check(self) -> str:
        """Run a job, unless there are others: it might have to wait for them.

        Raises:
            EngineError: If a node is not in service, or the job does not end well.
        """
        for name in self.nodes:
            self._in_service(name)
        states = {name: self._state(name) for name in self.nodes}
        seen = ", ".join(f"{name} {state}" for name, state in states.items())
        if set(states.values()) != {"idle"}:
            return f"at work; {seen}"
        self.command("srun", "--ntasks=1", "--mem=10", "--time=1", "--quiet", "true")
        return f"a job ran; {seen}"

    def down(self) -> None:
        """Stop the cluster. Its jobs are killed.

        Raises:
            EngineError: If a process stays.
        """
        self.controller.stop()
        for name in self.nodes:
            self.stop_node(name)
        self.munge.stop()

    def restart_controller(self) -> None:
        """Stop the controller, and start it again. It remembers its jobs.

        Raises:
            EngineError: If it does not come back.
        """
        self.controller.stop(seconds=60)
        self._start_controller()

    def stop_node(self, name: str) -> None:
        """Lose a node, as if its power had gone: its daemon and its jobs are killed.

        The controller is not told. It notices after `SlurmdTimeout`.

        Args:
            name: Which one.

        Raises:
            EngineError: If a process survives.
        """
        self.nodes[name].stop(seconds=0)
        # What is starting while they are looked up is found the next time.
        while processes := self._jobs(name):
            end(processes)

    def start_node(self, name: str) -> None:
        """Bring a node into service, unless it is.

        Args:
            name: Which one.

        Raises:
            EngineError: If it does not come up.
        """
        daemon = self.nodes[name]
        daemon.start("slurmd", "-D", "-N", name, environment=self.environment())
        wait_for(
            f"node {name} to be in service",
            lambda: self._in_service(name),
            [daemon, self.controller],
        )

    def command(self, *words: str, seconds: float = 30.0) -> str:
        """Run one of Slurm's commands.

        Args:
            *words: Program and arguments.
            seconds: How long it may take.

        Returns:
            What it printed.

        Raises:
            EngineError: If it fails.
        """
        return run(*words, environment=self.environment(), seconds=seconds)

    @property
    def _munge_socket(self) -> Path:
        return socket_path(self.home / "munge.socket")

    def _configure(self) -> None:
        """Make a new cluster: new ports, a new key, no jobs."""
        shutil.rmtree(self.home, ignore_errors=True)
        (self.home / "state").mkdir(parents=True)
        port, *ports = free_ports(1 + len(NODES))
        text = CONFIGURATION.format(port=port, home=self.home, munge=self._munge_socket)
        text += self.storage
        gpus = ""
        for (name, gpu), node_port in zip(NODES.items(), ports, strict=True):
            (self.home / name).mkdir()
            text += NODE.format(name=name, port=node_port, gpu=gpu)
            gpus += GPUS.format(name=name, gpu=gpu)
        self.configuration.write_text(f"{text}{PARTITIONS}{self.options}\n", encoding="utf-8")
        (self.home / "gres.conf").write_text(gpus, encoding="utf-8")
        key = self.home / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))

    def _authenticate(self) -> None:
        run("munge", "--no-input", f"--socket={self._munge_socket}", seconds=10)

    def _start_controller(self) -> None:
        self.controller.start("slurmctld", "-D", environment=self.environment())
        wait_for(
            "the controller to answer",
            lambda: self.command("scontrol", "ping"),
            [self.controller, self.munge],
        )

    def _state(self, node: str) -> str:
        return self.command("sinfo", "--noheader", f"--nodes={node}", "--format=%T").split()[0]

    def _in_service(self, node: str) -> None:
        """Raise `EngineError` if a node takes no jobs; resume it if it could."""
        shown = self.command("scontrol", "show", "node", node)
        port = re.search(r"\bPort=(\d+)", shown)
        try:
            socket.create_connection(("127.0.0.1", int(port[1] if port else 0)), 5).close()
        except OSError as error:
            raise EngineError(f"node {node} does not listen: {error}") from error
        state = self._state(node)
        if state.rstrip("*").startswith(("down", "drain")):
            self.command("scontrol", "update", f"NodeName={node}", "State=RESUME")
            raise EngineError(f"node {node} was {state}, and is resumed")
        if state not in SERVING:
            raise EngineError(f"node {node} is {state}")

    def _jobs(self, node: str) -> list[psutil.Process]:
        """Return the processes of a node's jobs, and those that watch them.

        Those who watch run in the node's directory. (What Slurm writes over their command line
        covers their environment.) Jobs carry the name of the node and of the cluster.
        """
        wanted = {"SLURMD_NODENAME": node, **self.environment()}.items()
        found = []
        for process in psutil.process_iter():
            try:
                if process.name() == "slurmstepd":
                    belongs = process.cwd() == str(self.nodes[node].directory)
                else:
                    belongs = wanted <= process.environ().items()
                if belongs:
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found
