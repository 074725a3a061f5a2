"""The programs that step jobs run: ZenML's own, told where the pipeline's code lies."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from zenml.entrypoints.base_entrypoint_configuration import (
    ENTRYPOINT_CONFIG_SOURCE_OPTION,
    BaseEntrypointConfiguration,
)
from zenml.entrypoints.step_entrypoint_configuration import StepEntrypointConfiguration
from zenml.utils import source_utils

from .reconciliation import step_records
from .run_id import find_run, read_run_id

SOURCE_ROOT_OPTION = "source_root"


class SourceRootOption(BaseEntrypointConfiguration):
    """One more option for an entrypoint of ZenML: where the pipeline's code lies.

    ZenML assumes a container and changes to `/app`, which it creates if need be
    (`zenml.entrypoints.base_entrypoint_configuration.BaseEntrypointConfiguration`). Outside a
    container that is not permitted, and not where the code is.
    """

    @classmethod
    def get_entrypoint_options(cls) -> dict[str, bool]:
        """Return the options of ZenML's entrypoint and `source_root`; True marks those required."""
        return {**super().get_entrypoint_options(), SOURCE_ROOT_OPTION: False}

    @classmethod
    def get_entrypoint_arguments(cls, **kwargs: Any) -> list[str]:
        """Build the command line arguments.

        Args:
            **kwargs: What ZenML's entrypoint takes; `source_root` for a job without a container.
        """
        arguments = super().get_entrypoint_arguments(**kwargs)
        # ZenML names a class by where its file lies below the source root. With the root above
        # this package that would be a name which can't be imported from anywhere else.
        position = arguments.index(f"--{ENTRYPOINT_CONFIG_SOURCE_OPTION}") + 1
        arguments[position] = f"{cls.__module__}.{cls.__qualname__}"
        if source_root := kwargs.get(SOURCE_ROOT_OPTION):
            arguments += [f"--{SOURCE_ROOT_OPTION}", str(source_root)]
        return arguments

    def prepare_code_environment(self) -> None:
        """Make the pipeline's code importable.

        Raises:
            RuntimeError: If the directory with the code does not exist on this machine.
        """
        source_root = self.entrypoint_args[SOURCE_ROOT_OPTION]
        if source_root is None:
            super().prepare_code_environment()
        else:
            use_source_root(source_root)


class StepEntrypoint(SourceRootOption, StepEntrypointConfiguration):
    """Runs a step of a static pipeline."""


class DependentStepEntrypoint(StepEntrypoint):
    """Runs a step that the backend has started when the steps before it had succeeded.

    If the backend had forgotten the job of one of them by the time that it got this one, it may
    have taken the condition for fulfilled. So that is checked.
    """

    def run(self) -> None:
        """Run the step.

        Raises:
            RuntimeError: If a step that it needs has not succeeded.
        """
        if upstream := set(self.step.spec.upstream_steps):
            run = find_run(self.snapshot.id, read_run_id())
            records = step_records(run.id).items()
            upstream -= {name for name, record in records if record.status.is_successful}
        if upstream:
            raise RuntimeError(
                f"Step `{self.step.spec.invocation_id}` is not run, because steps that it needs "
                f"have not succeeded: {', '.join(sorted(upstream))}."
            )
        super().run()


def use_source_root(source_root: str) -> None:
    """Work in the directory that the client's pipeline code was started from.

    Args:
        source_root: The directory, as `zenml.utils.source_utils.get_source_root` gave it.

    Raises:
        RuntimeError: If the directory does not exist on this machine.
    """
    if not Path(source_root).is_dir():
        raise RuntimeError(
            f"The directory {source_root!r}, which holds the pipeline's code on the machine that "
            "started the run, does not exist here. A job without a container image needs the same "
            "path on every machine, for example on a shared file system."
        )
    os.chdir(source_root)
    source_utils.set_custom_source_root(source_root)
    if source_root not in sys.path:
        sys.path.insert(0, source_root)
