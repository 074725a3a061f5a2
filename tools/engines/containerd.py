"""A containerd of a Kubernetes node's own, and the place on this machine where it has containers.

What it and the kubelet mount is in a mount namespace: the machine does not see it, and it is gone
with the last process in there. The directories where both write whatever they are told are the
node's own in there.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import psutil

from engine import Daemon, EngineError, end, run, socket_path, wait_for

BUSYBOX_IMAGE = "zenml-kit-busybox:1"
"""A shell and small tools: those of Debian's package `busybox-static`."""

PAUSE_IMAGE = "zenml-kit-pause:1"
"""The same, asleep: what keeps a pod's namespaces."""

REGISTRY = "docker.io/library"
"""Where a plain name is taken to be from. These have never been there."""

SEARCH_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# A lower score for the out-of-memory killer can't be set everywhere.
CONFIGURATION = """\
version = 2
root = "{home}/root"
state = "{home}/state"
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{home}/network"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
"""

OWN = (
    "/run/containerd",
    "/var/lib/cni",
    "/var/lib/kubelet",
    "/var/log/containers",
    "/var/log/pods",
)
"""Where containerd, its plugins and the kubelet write, whatever they are told."""

CORES = os.cpu_count() or 1

WEIGHTS = {"cpu.shares": CORES * 1024, "cpu.weight": CORES * 100}
"""What the containers of a node weigh together, in cgroups of either version: a process a core.

By default they weigh as much as one process beside them, which starves them on a busy machine.
"""

ENTER = """\
own=$1
shift
for directory in "$@"; do
    mount --bind "$own$directory" "$directory" || exit
done
exec sleep infinity
"""


class Containerd:
    """The daemon, its namespace, and the containers."""

    def __init__(self, directory: Path) -> None:
        """Describe it.

        Args:
            directory: Where all that it writes lies.
        """
        self.home = directory
        self.namespace = Daemon(directory, "namespace")
        self.daemon = Daemon(directory, "containerd")

    @property
    def daemons(self) -> Sequence[Daemon]:
        """Its processes."""
        return (self.namespace, self.daemon)

    @property
    def socket(self) -> Path:
        """Where it speaks the container runtime interface."""
        path = self.home / "containerd.sock"
        socket_path(path.with_suffix(".sock.ttrpc"))  # It makes another one.
        return path

    @property
    def inside(self) -> Sequence[str]:
        """What a command begins with that is to run in the namespace.

        Raises:
            EngineError: If there is none.
        """
        process = self.namespace.process()
        if process is None:
            raise self.namespace.fail("the containers' namespace is gone")
        return ("nsenter", f"--mount=/proc/{process.pid}/ns/mnt", "--")

    def start(self, network: dict[str, object]) -> None:
        """Start it, unless it runs, with its two images.

        Args:
            network: How pods get addresses, for CNI.

        Raises:
            EngineError: If it does not come up.
        """
        (self.home / "network").mkdir(parents=True, exist_ok=True)
        (self.home / "network/pods.conflist").write_text(json.dumps(network), encoding="utf-8")
        configuration = self.home / "containerd.toml"
        configuration.write_text(
            CONFIGURATION.format(
                home=self.home, socket=self.socket, pause=f"{REGISTRY}/{PAUSE_IMAGE}"
            ),
            encoding="utf-8",
        )
        if self.namespace.process() is None:
            self._enter()
        self.daemon.start(*self.inside, "containerd", f"--config={configuration}")
        wait_for("containerd to answer", lambda: self.command("version"), self.daemons[::-1])
        for name, command in ((BUSYBOX_IMAGE, ["sh"]), (PAUSE_IMAGE, ["sleep", "infinity"])):
            if not self.image(name):
                archive = self.home / f"{name}.tar"
                archive.write_bytes(_busybox(name, command))
                self.add_image(archive)

    def stop(self, group: str) -> None:
        """Stop it, and its containers. Images stay.

        Args:
            group: The cgroup that all containers are below.

        Raises:
            EngineError: If a process stays.
        """
        end(_members(group))
        if self.daemon.process():
            self.remove_containers()
        self.daemon.stop()
        end(self._shims())
        end(_members(group))
        self.namespace.stop(seconds=0)
        shutil.rmtree(self.home / "state", ignore_errors=True)
        shutil.rmtree(self.home / "own", ignore_errors=True)
        shutil.rmtree(self.home / "network", ignore_errors=True)
        for directory in _hierarchies(group):
            if directory.exists():
                wait_for(f"{directory} to be empty", functools.partial(_remove, directory), [])

    def remove_containers(self) -> None:
        """Kill and remove all containers.

        Raises:
            EngineError: If one stays.
        """

        def attempt() -> None:
            if tasks := self.command("tasks", "list", "--quiet").split():
                self.command("tasks", "delete", "--force", *tasks)
            if containers := self.command("containers", "list", "--quiet").split():
                self.command("containers", "delete", *containers)

        if self.command("containers", "list", "--quiet").split():
            wait_for("all containers to be removed", attempt, [self.daemon])

    def image(self, name: str) -> str:
        """Return what containerd knows of an image: empty if there is none.

        Args:
            name: Its name, with its tag.
        """
        printed = self.command("images", "list", f"name=={REGISTRY}/{name}")
        return "\n".join(printed.splitlines()[1:])

    def add_image(self, archive: Path) -> None:
        """Import an image, and remove the file that it is in.

        Args:
            archive: An archive as `docker save` writes it.

        Raises:
            EngineError: If that fails.
        """
        self.command("images", "import", str(archive), seconds=600)
        archive.unlink()

    def label_image(self, name: str, label: str) -> None:
        """Give an image a label, as `key=value`."""
        self.command("images", "label", f"{REGISTRY}/{name}", label)

    def command(self, *words: str, seconds: float = 120.0) -> str:
        """Run containerd's own client.

        Args:
            *words: Its arguments.
            seconds: How long it may take.

        Returns:
            What it printed.

        Raises:
            EngineError: If it fails.
        """
        own = (f"--address={self.socket}", "--namespace=k8s.io", "--connect-timeout=5s")
        return run("ctr", *own, *words, seconds=seconds)

    def _enter(self) -> None:
        """Make the namespace, with the node's own directories in the place of the machine's."""
        for directory in OWN:
            Path(directory).mkdir(parents=True, exist_ok=True)
            (self.home / "own" / directory.lstrip("/")).mkdir(parents=True, exist_ok=True)
        self.namespace.start(
            *("unshare", "--mount", "--propagation=slave"),
            *("sh", "-c", ENTER, "enter", self.home / "own", *OWN),
        )
        wait_for("the containers' namespace", self._is_ready, [self.namespace])

    def _is_ready(self) -> None:
        process = self.namespace.process()
        if process is None or process.name() != "sleep":
            raise EngineError("its directories are being mounted")

    def _shims(self) -> list[psutil.Process]:
        """Return the processes that watch containers."""
        return [
            process
            for process in psutil.process_iter(["name", "cmdline"])
            if process.info["name"].startswith("containerd-shim")
            and str(self.home / "containerd.sock") in (process.info["cmdline"] or ())
        ]


def make_groups(group: str) -> None:
    """Make a cgroup, in every hierarchy of this machine.

    Args:
        group: Its name.
    """
    for directory in _hierarchies(group):
        directory.mkdir(exist_ok=True)
        for name, weight in WEIGHTS.items():
            if (directory / name).exists():
                (directory / name).write_text(str(weight), encoding="ascii")


def _hierarchies(group: str) -> Iterator[Path]:
    for disk in psutil.disk_partitions(all=True):
        if disk.fstype in ("cgroup", "cgroup2"):
            yield Path(disk.mountpoint, group)


def _members(group: str) -> list[psutil.Process]:
    """Return the processes that are in a cgroup, or in one below it."""
    pids: set[int] = set()
    for directory in _hierarchies(group):
        for file in directory.rglob("cgroup.procs"):
            with contextlib.suppress(OSError):
                pids.update(map(int, file.read_text(encoding="ascii").split()))
    processes = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            processes.append(psutil.Process(pid))
    return processes


def _remove(group: Path) -> None:
    """Remove a cgroup, and those below it."""
    below = [path for path in group.rglob("*") if path.is_dir()]
    try:
        for path in [*reversed(below), group]:
            path.rmdir()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise EngineError(str(error)) from error


def _busybox(name: str, command: Sequence[str]) -> bytes:
    """Return an archive of an image of one layer: Busybox, by all its names.

    Args:
        name: What it is called.
        command: What it does when it is told nothing.
    """
    links = run("/bin/busybox", "--list").split()
    layer = _tar(
        {"bin/busybox": Path("/bin/busybox").read_bytes()},
        links={f"bin/{link}": "busybox" for link in links if link != "busybox"},
        directories=("dev", "etc", "proc", "root", "sys", "tmp"),
    )
    digest = sha256(layer).hexdigest()
    config = {
        "architecture": run("dpkg", "--print-architecture").strip(),
        "os": "linux",
        "config": {"Env": [SEARCH_PATH], "Cmd": command},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{}],
    }
    manifest = [
        {
            "Config": "config.json",
            "RepoTags": [f"{REGISTRY}/{name}"],
            "Layers": ["layer.tar"],
        }
    ]
    return _tar(
        {
            "config.json": json.dumps(config).encode(),
            "layer.tar": layer,
            "manifest.json": json.dumps(manifest).encode(),
        }
    )


def _tar(
    files: dict[str, bytes],
    links: dict[str, str] | None = None,
    directories: Sequence[str] = (),
) -> bytes:
    """Return an archive of programs, of links to them, and of directories."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in directories:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            archive.addfile(entry)
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
        for name, target in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return buffer.getvalue()
