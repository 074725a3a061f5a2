"""What the jobs of a run look like: command, environment, resources, labels."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zenml.orchestrators.utils import get_step_entrypoint_command

from .entrypoints import SOURCE_ROOT_OPTION
from .environment import job_environment
from .jobs import ORCHESTRATION, STEP, Job
from .names import job_name, label
from .resources import Resources, translate

if TYPE_CHECKING:
    from uuid import UUID

    from zenml.config.base_settings import BaseSettings
    from zenml.config.step_configurations import Step, StepConfiguration
    from zenml.config.step_run_info import StepRunInfo
    from zenml.models import PipelineSnapshotResponse
    from zenml.stack import Stack

    from .orchestrator import JobOrchestrator

ENTRYPOINT = "zenml.entrypoints.entrypoint"


@dataclass(frozen=True)
class JobFactory:
    """Describes the jobs of one run. What each depends on is for the topology to add.

    The environments that its methods take are those that ZenML computes: how to reach ZenML, and
    what a step adds.

    Attributes:
        orchestrator: The orchestrator, which knows the settings.
        snapshot: The pipeline.
        stack: The stack to run on.
        run_id: The run id; None for jobs that belong to no run yet.
        source_root: Directory of the pipeline's code, for jobs without a container.
    """

    orchestrator: JobOrchestrator
    snapshot: PipelineSnapshotResponse
    stack: Stack
    run_id: str | None
    source_root: str | None

    # Steps of static pipelines.

    def step(self, name: str, environment: Mapping[str, str]) -> Job:
        """Describe the job of a step of a static pipeline."""
        step = self.snapshot.step_configurations[name]
        image = self.image(step, name)
        return self.job(
            STEP,
            self.step_command(name, image),
            environment,
            image,
            self.step_resources(name, step.config),
            self.settings(step),
            step=name,
        )

    def step_command(self, name: str, image: str | None) -> tuple[str, ...]:
        """Return the command of a step."""
        arguments = self.orchestrator.step_entrypoint.get_entrypoint_arguments(
            snapshot_id=self.snapshot.id,
            step_name=name,
            source_root=None if image else self.source_root,
        )
        return python_command(image, ENTRYPOINT, *arguments)

    def step_resources(self, name: str, config: StepConfiguration) -> Resources:
        """Translate what a step asks for.

        Returns:
            The resources; none for a step with a step operator, which takes care of them itself
            (`BaseOrchestrator.requires_resources_in_orchestration_environment`).
        """
        if config.step_operator:
            return Resources()
        gpu_classes = self.orchestrator.backend.gpu_classes
        return translate(config.resource_settings, f"Step `{name}`", gpu_classes)

    # Control jobs.

    def control(self, role: str, environment: Mapping[str, str]) -> Job:
        """Describe a control job that runs no code of the pipeline.

        It has the pipeline's settings but no resources: those that a static pipeline asks for are
        meant for each of its steps.
        """
        image = self.image(self.snapshot)
        return self.job(
            role,
            self.control_command(role, image),
            environment,
            image,
            self.control_resources(),
            self.settings(self.snapshot),
        )

    def control_command(self, role: str, image: str | None) -> tuple[str, ...]:
        """Return the command of such a job: the program `control.py`."""
        arguments = [role, "--snapshot_id", str(self.snapshot.id)]
        if self.source_root and not image:
            arguments += [f"--{SOURCE_ROOT_OPTION}", self.source_root]
        return python_command(image, f"{__package__}.control", *arguments)

    def control_resources(self) -> Resources:
        """Return what such a job asks for: nothing, it mostly waits."""
        return Resources()

    # Dynamic pipelines.

    def orchestration(self, run_id: UUID, environment: Mapping[str, str]) -> Job:
        """Describe the job that runs the function of a dynamic pipeline.

        Args:
            run_id: ZenML's id of the run.
            environment: The environment.
        """
        image = self.image(self.snapshot)
        return self.job(
            ORCHESTRATION,
            self.orchestration_command(run_id, image),
            environment,
            image,
            self.orchestration_resources(),
            self.settings(self.snapshot),
        )

    def orchestration_command(self, run_id: UUID | None, image: str | None) -> tuple[str, ...]:
        """Return the command that runs the function of a dynamic pipeline."""
        from .dynamic_entrypoints import PipelineEntrypoint

        arguments = PipelineEntrypoint.get_entrypoint_arguments(
            snapshot_id=self.snapshot.id,
            run_id=run_id,
            source_root=None if image else self.source_root,
        )
        return python_command(image, ENTRYPOINT, *arguments)

    def orchestration_resources(self) -> Resources:
        """Translate what the pipeline asks for: it is for its own code, and for inline steps."""
        pipeline = self.snapshot.pipeline_configuration
        gpu_classes = self.orchestrator.backend.gpu_classes
        return translate(pipeline.resource_settings, f"Pipeline `{pipeline.name}`", gpu_classes)

    def isolated_step(self, info: StepRunInfo, environment: Mapping[str, str]) -> Job:
        """Describe the job of a step of a dynamic pipeline that gets one of its own."""
        name = info.pipeline_step_name
        image = self.image(info, name)
        return self.job(
            STEP,
            self.isolated_command(info, image),
            environment,
            image,
            self.step_resources(name, info.config),
            self.settings(info),
            step=name,
        )

    def isolated_command(self, info: StepRunInfo, image: str | None) -> tuple[str, ...]:
        """Return the command of such a step: its own as it is, if it is a command."""
        from .dynamic_entrypoints import IsolatedStepEntrypoint

        program, arguments = get_step_entrypoint_command(
            invocation_id=info.pipeline_step_name,
            config=info.config,
            entrypoint_config_class=IsolatedStepEntrypoint,
            snapshot_id=self.snapshot.id,
            step_run_id=str(info.step_run_id),
            source_root=None if image else self.source_root,
        )
        if info.config.command is None:
            return python_command(image, ENTRYPOINT, *arguments)
        return (*program, *arguments)

    # What they have in common.

    def job(
        self,
        role: str,
        command: tuple[str, ...],
        environment: Mapping[str, str],
        image: str | None,
        resources: Resources,
        settings: BaseSettings | None,
        step: str | None = None,
    ) -> Job:
        """Describe a job."""
        return Job(
            name=self.name(role if step is None else step),
            command=command,
            environment=self.environment(environment, image),
            image=image,
            cpu=resources.cpu,
            memory=resources.memory,
            gpus=resources.gpus,
            gpu_class=resources.gpu_class,
            settings=settings,
            labels=self.labels(role, step),
        )

    def name(self, what: str) -> str:
        """Make up a name for a job."""
        return job_name(self.snapshot.pipeline_configuration.name, what)

    def environment(self, given: Mapping[str, str], image: str | None) -> dict[str, str]:
        """Complete an environment that ZenML has computed."""
        return job_environment(given, self.run_id, self.stack, in_container=image is not None)

    def labels(self, role: str, step: str | None) -> dict[str, str]:
        """Say who a job belongs to, and what it does."""
        labels = {"role": role, "pipeline": label(self.snapshot.pipeline_configuration.name)}
        if self.run_id:
            labels["run_id"] = label(self.run_id)
        if step is not None:
            labels["step"] = label(step)
        return labels

    def settings(
        self, container: Step | StepRunInfo | PipelineSnapshotResponse
    ) -> BaseSettings | None:
        """Look up the settings of a step or of the pipeline."""
        return self.orchestrator.get_settings(container)

    def image(
        self, container: Step | StepRunInfo | PipelineSnapshotResponse, step: str | None = None
    ) -> str | None:
        """Look up the image of a step or of the pipeline; None for a job without a container."""
        return self.orchestrator.job_image(self.snapshot, self.settings(container), step)


def python_command(image: str | None, module: str, *arguments: str) -> tuple[str, ...]:
    """Return a command that runs a module.

    In an image the interpreter is the one on its path. Elsewhere it is the client's own, since
    that one certainly has ZenML and this package.
    """
    if image:
        return ("python", "-m", module, *arguments)
    return (sys.executable, "-m", f"{__package__}.job_main", module, *arguments)
