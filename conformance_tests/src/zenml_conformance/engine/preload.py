"""What the engine does once, before it forks, so that no process has to do it again."""

from __future__ import annotations

import functools
import gc
import importlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import configure_mappers
from zenml.environment import Environment
from zenml.integrations.integration import Integration
from zenml.integrations.registry import integration_registry

from zenml_conformance.engine.warm_up import require_one_thread, share_statements

MODULES = (
    "alembic.autogenerate",
    "zenml.artifact_stores.local_artifact_store",
    "zenml.client",
    "zenml.entrypoints.entrypoint",
    "zenml.entrypoints.step_entrypoint_configuration",
    "zenml.execution.pipeline.utils",
    "zenml.execution.utils",
    "zenml.execution.step.utils",
    "zenml.log_stores",
    "zenml.log_stores.artifact.artifact_log_exporter",
    "zenml.materializers",
    "zenml.orchestrators.local.local_orchestrator",
    "zenml.orchestrators.step_launcher",
    "zenml.orchestrators.step_runner",
    "zenml.pipelines",
    "zenml.steps",
    "zenml.steps.decorated_step",
    "zenml.zen_stores.migrations.alembic",
    "zenml.zen_stores.secrets_stores.sql_secrets_store",
    "sqlite3.dbapi2",
    "zenml.alerter",
    "zenml.annotators",
    "zenml.data_validators",
    "zenml.deployers.server.runtime",
    "zenml.experiment_trackers",
    "zenml.feature_stores",
    "zenml.model_deployers",
    "zenml.model_registries",
    "zenml.sandboxes",
    "zenml.step_operators",
    "zenml.zen_stores.migrations.backup.sqlalchemy",
    "zenml.execution.pipeline.dynamic.runner",
    "zenml.pipelines.dynamic.entrypoint_configuration",
    "zenml.step_operators.step_operator_entrypoint_configuration",
    "zenml.image_builders.local_image_builder",
    "zenml.pipelines.run_utils",
    "zenml.utils.run_utils",
    "zenml.zen_stores.sql_zen_store",
    "zenml_conformance.context.client",
    "zenml_conformance.context.operations",
    "zenml_conformance.scenarios.shared.classes",
    "zenml_conformance.scenarios.main",
    "zenml_conformance.context.settings",
    "zenml_conformance.target.target",
)
"""What clients, steps and observers import sooner or later. Modules that a ZenML version does not
have are left to the processes that need them. Nothing of the orchestrator under test: what its
modules do when they are imported, each process must do itself; so with the scenarios, whose
steps note the environment that they were imported in."""


def preload(more: Sequence[str] = ()) -> None:
    """Import what every client and every step would, and do what each of them would do first.

    Args:
        more: Modules that are imported besides; an error if there is no such module.

    Raises:
        RuntimeError: If that has started a thread, which forks would not have.
    """
    for name in MODULES:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    for name in more:
        importlib.import_module(name)
    # Every step's process does these before it runs a step; they open no store.
    _remember_integrations()
    integration_registry.activate_integrations()
    configure_mappers()
    _remember_packages()
    share_statements()
    require_one_thread("importing ZenML started")
    keep()


def keep() -> None:
    """Keep all that there is now as it is: what is never collected stays shared with the forks."""
    gc.collect()
    gc.freeze()


def _remember_integrations() -> None:
    """Look only once whether what an integration needs is installed.

    ZenML reads what the packages say about themselves, for each integration that it knows, in every
    client and every step. All the processes of an engine share one environment.
    """
    look: Any = Integration.check_installation
    remembered: Any = functools.cache(look.__func__)
    setattr(Integration, look.__name__, classmethod(remembered))


def _remember_packages() -> None:
    """List the installed packages once.

    ZenML has pip do it in every client and every step, to record them with the run; all the
    processes of an engine share one environment. Where there is neither pip nor uv, as in an
    environment that uv made, ZenML raises, and goes on without the list.
    """
    packages: list[str] | RuntimeError
    try:
        packages = Environment.get_python_packages()
    except RuntimeError as error:
        packages = error

    def remembered() -> list[str]:
        if isinstance(packages, RuntimeError):
            raise packages
        return list(packages)

    Environment.get_python_packages = staticmethod(remembered)  # type: ignore[method-assign]
