"""A Podman service that speaks Docker's API on a unix socket, with storage of its own.

No registry is asked for anything: one image is made of Debian's packages, and the other of that one
and of ZenML.
"""

from __future__ import annotations

import contextlib
import hashlib
import resource
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import docker
import psutil
from docker.errors import DockerException

from engine import (
    HOME,
    Daemon,
    Engine,
    EngineError,
    debian,
    end,
    run,
    socket_path,
    wait_for,
)

BASE_IMAGE = "zenml-kit-base"
"""Debian with Python and pip. Docker's clients find it under this name."""

STEPS_IMAGE = "zenml-kit-steps:1"
"""The same, with ZenML. Kubernetes would pull an image without a tag, which is nowhere."""

REQUIREMENTS = (
    "zenml[local]>=0.96,<0.99",
    "kubernetes>=25.3,<26",
    "kfp>=2.14,<2.17",
    "kfp-kubernetes>=2.14,<2.17",
)
"""What steps need, and those jobs that submit others."""

REQUIREMENTS_ID = hashlib.sha256(" ".join(REQUIREMENTS).encode()).hexdigest()[:12]
"""Tells an image for other requirements. Podman's filters don't take the requirements."""

REGISTRY = "docker.io/library"
"""Where Docker's API takes a plain name to be from. These have never been there."""

BASE_PACKAGES = ("ca-certificates", "python3", "python3-pip", "python3-venv")

# Packages come from this machine: where its pip has them from, the image doesn't know.
STEPS_CONTAINERFILE = f"""\
FROM {BASE_IMAGE}
RUN --mount=type=bind,source=wheels,target=/wheels \\
    python -m pip install --quiet --no-cache-dir --no-index --find-links=/wheels \\
        {shlex.join(REQUIREMENTS)} \\
    && mkdir --mode=1777 /app
WORKDIR /app
LABEL zenml-kit="{REQUIREMENTS_ID}"
"""

# Limits above this process's own can't be set everywhere. `crun` knows no cgroups of both versions
# at once, `runc` does. Locks are in files because those in shared memory are the whole machine's.
CONFIGURATION = """\
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]
log_driver = "k8s-file"

[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
runtime = "runc"
static_dir = "{home}/storage/libpod"
tmp_dir = "{home}/run/libpod"
volume_path = "{home}/storage/volumes"

[network]
network_config_dir = "{home}/networks"
"""
STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{home}/storage"
runroot = "{home}/run"
"""

PROBE = """
import pathlib, sys
for name in ("memory.max", "memory/memory.limit_in_bytes"):
    file = pathlib.Path("/sys/fs/cgroup", name)
    if file.exists():
        print(file.read_text())
sys.exit(7)
"""
PROBE_MEMORY = 64 * 1024 * 1024
PROBE_CPUS = 500_000_000


class Podman(Engine):
    """The service, and two images."""

    name = "podman"
    packages = (
        *("aardvark-dns", "catatonit", "debootstrap", "iptables", "netavark", "podman", "python3"),
        "runc",
    )

    def __init__(self, home: Path = HOME) -> None:
        """Describe the service.

        Args:
            home: The directory of all engines.
        """
        super().__init__(home)
        self.service = Daemon(self.home, "service")

    @property
    def daemons(self) -> Sequence[Daemon]:
        """The processes that it is made of."""
        return (self.service,)

    def environment(self) -> dict[str, str]:
        """Return the variables that lead to it."""
        return {"DOCKER_HOST": f"unix://{self._socket}"}

    def up(self) -> None:
        """Start the service, and make the images that are not there.

        Raises:
            EngineError: If it does not come up.
        """
        address = self.environment()["DOCKER_HOST"]
        self._configure()
        self.service.start(
            "podman", "system", "service", "--time=0", address, environment=self._own
        )
        wait_for("Docker's API to answer", self._answers, [self.service])
        self.make_images()

    def check(self) -> str:
        """Run a container; read back how it ended, and what it was limited to.

        Raises:
            EngineError: If it ended differently, or was not limited, or an image is missing.
        """
        if not self._has_steps_image():
            raise EngineError(f"there is no image {STEPS_IMAGE} with {', '.join(REQUIREMENTS)}")
        try:
            with contextlib.closing(self.client()) as client:
                container = client.containers.create(
                    BASE_IMAGE, ["python", "-c", PROBE], mem_limit=PROBE_MEMORY,
                    nano_cpus=PROBE_CPUS, network_mode="none",
                )  # fmt: skip
                try:
                    container.start()
                    code = container.wait(timeout=60)["StatusCode"]
                    printed = container.logs().decode().strip()
                    container.reload()
                    host = container.attrs["HostConfig"]
                finally:
                    container.remove(force=True)
        except (DockerException, OSError) as error:
            raise EngineError(f"a container does not run: {error}") from error
        seen = (code, printed, host["Memory"], host["NanoCpus"])
        wanted = (7, str(PROBE_MEMORY), PROBE_MEMORY, PROBE_CPUS)
        if seen != wanted:
            raise EngineError(
                "a container's exit code, the memory limit that it saw, and its limits in memory "
                f"and processors according to the API should be {wanted}, and are {seen}"
            )
        return "a container ran, and its limits held"

    def down(self) -> None:
        """Remove all containers, and stop the service. Images stay.

        Raises:
            EngineError: If a process stays.
        """
        self.service.stop()
        if not self.home.exists() or shutil.which("podman") is None:
            return
        self.command("rm", "--all", "--force", "--time=0")
        end(self._monitors())
        self._unmount()

    def make_images(self) -> None:
        """Make the images that are not there. The service need not run.

        Raises:
            EngineError: If they can't be made.
        """
        self._configure()
        if not self.command("images", "--quiet", f"{REGISTRY}/{BASE_IMAGE}"):
            self._make_base_image()
        if not self._has_steps_image():
            self._make_steps_image()

    def client(self) -> docker.DockerClient:
        """Return a client of this service, whatever the environment says."""
        return docker.DockerClient(self.environment()["DOCKER_HOST"], timeout=60)

    def command(self, *words: str, seconds: float = 120.0) -> str:
        """Run Podman itself, on the storage of this service.

        Args:
            *words: Its arguments.
            seconds: How long it may take.

        Returns:
            What it printed.

        Raises:
            EngineError: If it fails.
        """
        return run("podman", *words, environment=self._own, seconds=seconds)

    @property
    def _socket(self) -> Path:
        return socket_path(self.home / "podman.sock")

    @property
    def _own(self) -> dict[str, str]:
        """The variables that keep Podman away from the machine's settings and storage."""
        return {
            "CONTAINERS_CONF": str(self.home / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.home / "storage.conf"),
        }

    def _configure(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        # Podman gives itself no more processes than there can be ids.
        ids = int(Path("/proc/sys/kernel/pid_max").read_text())
        text = CONFIGURATION.format(
            files=_limit(resource.RLIMIT_NOFILE),
            processes=min(ids, _limit(resource.RLIMIT_NPROC)),
            home=self.home,
        )
        Path(self._own["CONTAINERS_CONF"]).write_text(text, encoding="utf-8")
        storage = STORAGE.format(home=self.home)
        Path(self._own["CONTAINERS_STORAGE_CONF"]).write_text(storage, encoding="utf-8")

    def _answers(self) -> None:
        try:
            with contextlib.closing(self.client()) as client:
                client.ping()
        except (DockerException, OSError) as error:
            raise EngineError(str(error)) from error

    def _has_steps_image(self) -> bool:
        filters = (f"label=zenml-kit={REQUIREMENTS_ID}", f"reference={REGISTRY}/{STEPS_IMAGE}")
        return bool(self.command("images", "--quiet", *(f"--filter={name}" for name in filters)))

    def _make_base_image(self) -> None:
        print("  making the base image", flush=True)
        tree = self.home / "base"
        shutil.rmtree(tree, ignore_errors=True)
        mirror, suite = debian()
        try:
            run(
                *("debootstrap", "--variant=minbase", f"--include={','.join(BASE_PACKAGES)}"),
                *(suite, tree, mirror),
                seconds=900,
            )
            # The image is one environment, as those that are called `python` are.
            for marker in tree.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
                marker.unlink()
            (tree / "usr/bin/python").symlink_to("python3")
            shutil.rmtree(tree / "var/cache/apt/archives")
            archive = self.home / "base.tar"
            run("tar", "--create", f"--file={archive}", f"--directory={tree}", ".", seconds=300)
            name = f"{REGISTRY}/{BASE_IMAGE}:latest"
            self.command("import", "--change=CMD python3", str(archive), name, seconds=300)
            archive.unlink()
        finally:
            self._unmount()
            shutil.rmtree(tree, ignore_errors=True)

    def _make_steps_image(self) -> None:
        print("  making the image for steps", flush=True)
        context = self.home / "steps"
        context.mkdir(exist_ok=True)
        try:
            (context / "Containerfile").write_text(STEPS_CONTAINERFILE, encoding="utf-8")
            # Debian's Python, as in the image.
            run(
                *(sys.executable, "-m", "pip", "--python=/usr/bin/python3", "wheel", "--quiet"),
                *(f"--wheel-dir={context / 'wheels'}", *REQUIREMENTS),
                seconds=600,
            )
            name = f"--tag={REGISTRY}/{STEPS_IMAGE}"
            self.command("build", "--network=none", "--layers=false", name, str(context),
                         seconds=600)  # fmt: skip
        finally:
            shutil.rmtree(context)

    def _monitors(self) -> list[psutil.Process]:
        """Return the processes that watch containers of this service."""
        return [
            process
            for process in psutil.process_iter(["name", "cmdline"])
            if process.info["name"] == "conmon"
            and any(str(self.home) in word for word in process.info["cmdline"] or ())
        ]

    def _unmount(self) -> None:
        """Unmount what is mounted below this directory, the innermost first."""
        below = [
            disk.mountpoint
            for disk in psutil.disk_partitions(all=True)
            if Path(disk.mountpoint).is_relative_to(self.home)
        ]
        for mountpoint in reversed(below):
            run("umount", mountpoint)


def _limit(kind: int) -> int:
    """Return the most of something that this process may have; unlimited: a million."""
    _, hard = resource.getrlimit(kind)
    return 1_000_000 if hard == resource.RLIM_INFINITY else hard
