"""When the last step of a run ended, by ZenML's records.

    python -m benchmarks.run_end RESULT RUN

`benchmarks.workbench` starts it, in an environment that names the store.
"""

from __future__ import annotations

import json
import sys
from datetime import timezone
from pathlib import Path

from zenml.client import Client
from zenml.enums import ExecutionStatus


def main(result: str, run: str) -> None:
    """Write it down.

    Args:
        result: File that takes the time, in seconds since 1970.
        run: The run. It has to have completed.
    """
    record = Client().get_pipeline_run(run)
    if record.status != ExecutionStatus.COMPLETED:
        sys.exit(f"The run ended as {record.status}: its time means nothing.")
    ends = [step.end_time for step in record.steps.values() if step.end_time]
    # ZenML stores UTC and, on SQLite, no zone.
    last = max(moment.replace(tzinfo=moment.tzinfo or timezone.utc) for moment in ends)
    Path(result).write_text(json.dumps(last.timestamp()))


if __name__ == "__main__":
    main(*sys.argv[1:])
