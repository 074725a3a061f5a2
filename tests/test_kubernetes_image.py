"""The pattern `kubernetes` with an image that ZenML has built.

The nodes' images come from a registry otherwise. Here is none: the image is carried over by hand.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import docker

import kubernetes_namespace
from containerd import REGISTRY
from engines import Engines, flavor_of
from kubernetes_cluster import Kubernetes
from real_engine import needs

pytestmark = [needs("KUBECONFIG"), needs("DOCKER_HOST")]

DOCKERFILE = "FROM zenml-kit-steps:1\n"
"""ZenML pulls a `parent_image` with a digest, which each has with Podman; what it builds, never."""

PIPELINE = """
import sys

from zenml import pipeline, step
from zenml.client import Client
from zenml.config import DockerSettings
from zenml.enums import StackComponentType

import other

# No package index has what is tried here: it is in the code that ZenML copies into the image.
docker = DockerSettings(
    dockerfile="Dockerfile",
    install_stack_requirements=False,
    python_package_installer="pip",  # the other one would be installed first
    allow_download_from_artifact_store=False,
    environment={"BUILT_BY": "zenml"},
)


@step
def tell() -> str:
    return other.tell()


@pipeline(enable_cache=False, settings={"docker": docker})
def built() -> None:
    tell()


def register(namespace: str) -> None:
    client, kind = Client(), StackComponentType.ORCHESTRATOR
    client.create_flavor("zenml_crane_orchestrator.flavor.CraneOrchestratorFlavor", kind)
    configuration = {"kubernetes_namespace": namespace, "local": True}
    client.create_stack_component("crane", "crane", kind, configuration)
    store = client.active_stack_model.components[StackComponentType.ARTIFACT_STORE][0]
    components = {kind: "crane", StackComponentType.ARTIFACT_STORE: store.id}
    client.create_stack("crane", components)
    client.activate_stack("crane")


if __name__ == "__main__":
    if sys.argv[1] == "build":
        register(sys.argv[2])
        build = built.build()
        print(build.id, *{item.image for item in build.images.values()})
    else:
        run = Client().get_pipeline_run(built.with_options(build=sys.argv[2])().id)
        print(run.status, run.steps["tell"].output.load())
"""

OTHER = """
import os


def tell() -> str:
    return "built by " + os.environ["BUILT_BY"] + " in " + os.getcwd()
"""


def test_an_image_that_zenml_has_built(engines: Engines, tmp_path: Path, home: Path) -> None:
    """Both the coordinator and the step run in it."""
    made = engines.cookiecutter(
        tmp_path, package_name="zenml-crane-orchestrator", backend_pattern="kubernetes"
    )
    code = tmp_path / "code"
    code.mkdir()
    module, _ = flavor_of(made)
    package = module.partition(".")[0]
    shutil.copytree(made / "src" / package, code / package)
    (code / "pipeline.py").write_text(PIPELINE)
    (code / "other.py").write_text(OTHER)
    (code / "Dockerfile").write_text(DOCKERFILE)
    environment = {**os.environ, "ZENML_CONFIG_PATH": str(tmp_path / "zenml")}

    def run(*arguments: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "pipeline.py", *arguments],
            cwd=code,
            env=environment,
            capture_output=True,
            text=True,
            timeout=400,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.splitlines()[-1].split(maxsplit=1)

    containerd = Kubernetes().containerd
    podman = contextlib.closing(docker.from_env(timeout=120))
    with kubernetes_namespace.namespace(made) as namespace, podman as client:
        build, image = run("build", namespace)
        try:
            archive = tmp_path / "image.tar"
            with archive.open("wb") as file:
                file.writelines(client.images.get(image).save(named=True))
            containerd.add_image(archive)
            assert run("run", build) == ["completed", "built by zenml in /app"]
        finally:
            containerd.command("images", "remove", f"{REGISTRY}/{image}")
            # ZenML keeps the containers of its builds, and a tag of the image that it builds upon.
            client.images.remove(image, force=True)
            client.images.remove(f"{image}-intermediate-build")
