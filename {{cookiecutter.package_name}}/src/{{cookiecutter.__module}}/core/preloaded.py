"""What every job does before its own work begins. Only `warm_server.py` imports this.

Only ZenML, and what ZenML itself needs: a library of the user's may keep random numbers, threads,
or what it has read from the environment. No connection and no thread may be left when this is
done, since neither survives a fork; nor anything of a store, since jobs may have another one.
"""

from __future__ import annotations

import importlib
import os
from concurrent.futures import Future, ThreadPoolExecutor

from zenml.environment import Environment
from zenml.integrations.registry import integration_registry
from zenml.logger import get_logger
from zenml.stack.flavor_registry import FlavorRegistry

logger = get_logger(__name__)


def import_modules() -> None:
    """Import what jobs import before they run code of the user."""
    project = __package__.rpartition(".")[0]
    for module in (
        "zenml.alerter",
        "zenml.annotators",
        "zenml.data_validators",
        "zenml.entrypoints.entrypoint",
        "zenml.execution.step.utils",
        "zenml.execution.utils",
        "zenml.experiment_trackers",
        "zenml.feature_stores",
        "zenml.log_stores.artifact.artifact_log_exporter",
        "zenml.materializers",
        "zenml.model_deployers",
        "zenml.model_registries",
        "zenml.orchestrators.step_launcher",
        "zenml.pipelines.pipeline_definition",
        "zenml.step_operators",
        "zenml.steps.decorated_step",
        f"{__package__}.control",
        f"{__package__}.dynamic_entrypoints",
        f"{project}.backend",
        f"{project}.flavor",
        f"{project}.orchestrator",
    ):
        importlib.import_module(module)


def import_flavors() -> None:
    """Import the stack components that ZenML brings along, and its list of integrations.

    The integrations themselves import libraries of the user's.
    """
    _ = FlavorRegistry().builtin_flavors
    _ = integration_registry.list_integration_names


def import_store() -> None:
    """Import the store that the run uses, and finish the mapping of its classes to tables."""
    if os.environ.get("ZENML_STORE_TYPE") == "sql":
        importlib.import_module("zenml.zen_stores.migrations.backup.sqlalchemy")
        importlib.import_module("zenml.zen_stores.migrations.utils")
        importlib.import_module("zenml.zen_stores.sql_zen_store")
        importlib.import_module("sqlite3")
        importlib.import_module("sqlalchemy.dialects.sqlite.pysqlite")
        importlib.import_module("sqlalchemy.orm").configure_mappers()
    else:
        importlib.import_module("zenml.zen_stores.rest_zen_store")


def remember_packages(packages: Future[list[str]]) -> None:
    """Keep the list of installed packages, which ZenML records with every step.

    ZenML has pip make it, which takes as long as everything else that a small step does.
    """
    packages.result()
    Environment.get_python_packages = staticmethod(packages.result)  # type: ignore[method-assign]


def prepare() -> None:
    """Do all of it, as far as it works: what fails here is tried, and reported, by the steps."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        packages = pool.submit(Environment.get_python_packages)
        for preparation in (
            import_modules,
            import_flavors,
            import_store,
            Environment.get_system_info,  # Asks other programs, and remembers what they say.
            lambda: remember_packages(packages),
        ):
            try:
                preparation()
            except Exception as error:
                logger.debug("Not prepared: %r", error)


prepare()
