"""ZenML's `airflow` orchestrator on an emulated Airflow.

ZenML writes DAGs into a folder; `Airflow` finds them there, and makes jobs of their tasks with
ZenML's own generator. Airflow itself, and Docker, are imitated.
"""

from __future__ import annotations

import re
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import jinja2
from zenml.integrations.airflow.orchestrators import airflow_orchestrator
from zenml.integrations.airflow.orchestrators.dag_generator import (
    CONFIG_FILENAME,
    DagConfiguration,
    get_docker_operator_init_kwargs,
)
from zenml.orchestrators import BaseOrchestrator

from zenml_conformance import Harness
from zenml_conformance.fake_backend import FakeBackend, Job
from zenml_conformance.protocol import EngineError
from zenml_orchestrators.emulation import directory_of_service
from zenml_orchestrators.executions import Executions, Task

KEY = r"[\w.-]{1,250}"
"""What Airflow takes for the id of a DAG or a task."""
ONCE = "@once"


class Airflow:
    """What Airflow's scheduler does with a DAG that it finds in its folder.

    What it can't import or run it shows in its own interface, where ZenML does not look.
    """

    def __init__(self, backend: FakeBackend) -> None:
        """Point at the backend.

        Args:
            backend: Runs the tasks.
        """
        self.executions = Executions(backend, f"{__name__}:tasks_of")

    def find(self, archive: Path) -> None:
        """Run a DAG, once or by its schedule.

        Args:
            archive: What ZenML wrote.
        """
        with zipfile.ZipFile(archive) as opened:
            dag = DagConfiguration.model_validate_json(opened.read(CONFIG_FILENAME))
        if not all(re.fullmatch(KEY, key) for key in (dag.id, *(task.id for task in dag.tasks))):
            return
        definition = dag.model_dump(mode="json")
        try:
            if dag.schedule == ONCE:
                self.executions.start(definition)
            else:
                self.executions.schedule(definition, cron_of(dag.schedule))
        except EngineError as error:
            print(f"Airflow can't run {dag.id}: {error}")


def cron_of(schedule: timedelta | str) -> str:
    """Say in five fields when a DAG is run.

    Args:
        schedule: A cron expression, or an interval, which the fields are only near to.

    Returns:
        A cron expression.
    """
    if isinstance(schedule, str):
        return schedule
    return f"*/{max(1, int(schedule.total_seconds()) // 60)} * * * *"


def tasks_of(definition: dict[str, Any], execution: str) -> list[Task]:
    """Interpret a DAG.

    Args:
        definition: Its configuration.
        execution: Tells the runs of a schedule apart, as their dates do in Airflow.

    Returns:
        The tasks.
    """
    dag = DagConfiguration.model_validate(definition)
    when = dag.start_date.isoformat() if dag.schedule == ONCE else execution
    # Airflow's are sandboxed as well; a trailing newline is lost in both.
    templates = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701

    def rendered(text: str) -> str:
        return templates.from_string(text).render(run_id=f"scheduled__{when}")

    tasks = []
    for task in dag.tasks:
        said = get_docker_operator_init_kwargs(dag, task) | task.operator_args
        environment = {name: rendered(value) for name, value in said["environment"].items()}
        job = Job(
            name=f"{dag.id}.{task.id}",
            command=tuple(rendered(word) for word in said["command"]),
            environment=environment,
            image=said["image"],
            labels=dict.fromkeys(dag.tags, ""),
            spec={
                **task.operator_args,
                "operator": task.operator_source,
                "environment": list(environment),
            },
        )
        tasks.append(Task(task.id, job, tuple(task.upstream_steps)))
    return tasks


class AirflowHarness(Harness):
    """Connects ZenML's `airflow` orchestrator through a folder that an emulated Airflow reads."""

    # The DAG's id, and the task's.
    job_name_pattern = rf"{KEY}\.{KEY}"

    def connect(self, orchestrator_class: type[BaseOrchestrator], backend: FakeBackend) -> None:
        """Find each DAG as soon as it is written."""
        airflow = Airflow(backend)
        orchestrator: Any = orchestrator_class
        write = orchestrator._write_dag

        def write_and_find(self: Any, dag_config: DagConfiguration, **said: Any) -> None:
            folder = directory_of_service("dags")
            write(self, dag_config, **{**said, "output_dir": str(folder)})
            airflow.find(folder / f"{dag_config.id}.zip")

        orchestrator._write_dag = write_and_find
        # The suite gives every setting a made-up value, and no generator is called like that.
        module: Any = airflow_orchestrator
        values = module.get_dag_generator_values
        module.get_dag_generator_values = lambda custom_dag_generator_source: values()
