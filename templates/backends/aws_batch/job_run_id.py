"""The id of the run that a process works for, also where this orchestrator has not started it.

Jobs of this orchestrator know the id from a variable, and all jobs of a run know the same. What
comes after it is for jobs that others submit, with the entrypoints of ZenML in them: a state
machine, for example, or a colleague's script.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from .core.jobs import FIRING, ORCHESTRATION
from .core.run_id import RUN_ID_VARIABLE
from .job_request import ROLE_VARIABLE

EXECUTION_VARIABLE = "ZENML_EXECUTION_ARN"
"""The ARN of what has started all jobs of a run, such as an execution of Step Functions."""

FILE_VARIABLE = "ZENML_RUN_FILE"
FILE = "/opt/zenml/run.json"
"""A JSON file that all jobs of a run see alike, on a volume of the job definition."""

FILE_KEYS = ("run_id", "executionArn")

JOB_VARIABLE = "AWS_BATCH_JOB_ID"
"""Batch's id of a job. It stays the same if the job is tried again."""

WHOLE_RUN = (ORCHESTRATION, FIRING)
"""Roles of jobs that are a run by themselves. Of all others a run has many, each with its own id:
steps that took these for the run's would split it."""


def job_run_id() -> str:
    """Find the id of the run.

    Returns:
        The first that there is: a variable, the file, or the id of the job if it is the whole run.

    Raises:
        RuntimeError: If there is none. An id made up here would split the run in two, neither of
            which would ever finish.
    """
    variables = [RUN_ID_VARIABLE, EXECUTION_VARIABLE]
    if os.environ.get(ROLE_VARIABLE) in WHOLE_RUN:
        variables.append(JOB_VARIABLE)
    file = Path(os.environ.get(FILE_VARIABLE) or FILE)
    found = [os.environ.get(name) for name in variables]
    for run_id in (*found[:2], _from_file(file), *found[2:]):
        if run_id:
            return run_id
    raise RuntimeError(
        "There is no run id to tell, so this process is not a job of a pipeline run. Looked for: "
        f"the environment variables {', '.join(variables)}; then {' or '.join(FILE_KEYS)} in the "
        f"JSON file {file}, which {FILE_VARIABLE} can name."
    )


def _from_file(file: Path) -> str | None:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict):
        return None
    return next((str(content[key]) for key in FILE_KEYS if content.get(key)), None)
