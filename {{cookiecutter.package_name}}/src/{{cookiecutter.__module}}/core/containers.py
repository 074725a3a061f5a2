"""Jobs in containers, whose images ZenML builds if it has to."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from zenml.config.build_configuration import BuildConfiguration
from zenml.constants import ORCHESTRATOR_DOCKER_IMAGE_KEY
from zenml.enums import StackComponentType
from zenml.orchestrators import ContainerizedOrchestrator
from zenml.stack import StackValidator

if TYPE_CHECKING:
    from zenml.config import DockerSettings
    from zenml.config.base_settings import BaseSettings
    from zenml.config.step_configurations import Step
    from zenml.models import PipelineSnapshotBase, PipelineSnapshotResponse
    from zenml.stack import Stack


class ContainerizedJobs(ContainerizedOrchestrator):
    """An orchestrator all of whose jobs run in containers.

    An image that is named in the setting `image` is for ZenML what `DockerSettings` call a parent
    image without a build. So the pipeline's code finds its way there as to all others.
    """

    @property
    def validator(self) -> StackValidator:
        """What a stack needs: components that jobs reach, and what provides images for them.

        Jobs on this machine (`is_local` of the configuration) reach all that it has.
        """
        builders = {StackComponentType.CONTAINER_REGISTRY, StackComponentType.IMAGE_BUILDER}
        has_image = self.config.is_local or getattr(self.config, "image", None)
        return StackValidator(
            required_components=set() if has_image else builders,
            custom_validation_function=self._reaches_all_components,
        )

    @property
    def requirements(self) -> set[str]:
        """What is installed in the images that ZenML builds; this package must be, too."""
        own = getattr(self.config, "requirement", None) or own_requirement()
        return {*super().requirements, own}

    def get_docker_builds(self, snapshot: PipelineSnapshotBase) -> list[BuildConfiguration]:
        """Name the images that ZenML has to provide.

        Returns:
            The image of the pipeline, in which the control job needs no more than the steps do,
            and that of each step that wants another.
        """
        key = ORCHESTRATOR_DOCKER_IMAGE_KEY
        pipeline = self._build(snapshot, snapshot.pipeline_configuration.docker_settings)
        steps = {
            name: self._build(step, step.config.docker_settings)
            for name, step in snapshot.step_configurations.items()
        }
        return [
            BuildConfiguration(key=key, settings=pipeline),
            *(
                BuildConfiguration(key=key, settings=settings, step_name=name)
                for name, settings in steps.items()
                if settings != pipeline
            ),
        ]

    def job_image(
        self, snapshot: PipelineSnapshotResponse, settings: BaseSettings | None, step: str | None
    ) -> str | None:
        """Look up the image of a job.

        A dynamic pipeline may name another in its settings than when it was compiled.
        """
        named: str | None = getattr(settings, "image", None)
        return named or self.get_image(snapshot, step)

    def _reaches_all_components(self, stack: Stack) -> tuple[bool, str]:
        if self.config.is_local:
            return True, ""
        local = [f"`{found.name}`" for found in stack.all_components if found.config.is_local]
        return not local, (
            f"The components {', '.join(local)} are on this machine alone, and the jobs of "
            f"`{self.name}` can't reach it. Use remote ones, such as an artifact store in a bucket."
        )

    def _build(
        self, container: Step | PipelineSnapshotBase, settings: DockerSettings
    ) -> DockerSettings:
        image = getattr(self.get_settings(container), "image", None)
        ready = {"parent_image": image, "skip_build": True}
        return settings if image is None else settings.model_copy(update=ready)


def own_requirement() -> str:
    """Name this package, in the version that is installed here, as pip understands it."""
    name = __name__.partition(".")[0].replace("_", "-")
    try:
        return f"{name}=={version(name)}"
    except PackageNotFoundError:
        return name
