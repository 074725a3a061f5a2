"""What a schedule of the reference orchestrator runs: one firing, with a run id of its own."""

from __future__ import annotations

import os
import sys
from uuid import UUID

from zenml.client import Client
from zenml.pipelines.run_utils import create_placeholder_run
from zenml.utils import source_utils


def main() -> None:
    """Fire a snapshot: `python -m zenml_conformance.former_reference.firing SNAPSHOT`."""
    (snapshot_id,) = sys.argv[1:]
    # Else ZenML takes this file's directory for the root of all sources, and names modules by it.
    source_utils.set_custom_source_root(os.getcwd())
    client = Client()
    snapshot, stack = client.zen_store.get_snapshot(UUID(snapshot_id)), client.active_stack
    run = create_placeholder_run(snapshot=snapshot)
    stack.orchestrator.run(snapshot=snapshot, stack=stack, placeholder_run=run)


if __name__ == "__main__":
    main()
