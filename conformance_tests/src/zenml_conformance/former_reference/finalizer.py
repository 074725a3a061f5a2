"""The last job of a native DAG: settles what the steps could not report themselves."""

from __future__ import annotations

import os
import sys
from uuid import UUID

from zenml.client import Client
from zenml.utils import source_utils


def main() -> None:
    """Run a finalizer."""
    from zenml_conformance.former_reference.orchestrator import ReferenceOrchestrator

    snapshot_id, run_id = sys.argv[1:]
    # Else ZenML takes this file's directory for the root of all sources, and names modules by it.
    source_utils.set_custom_source_root(os.getcwd())
    client = Client()
    orchestrator = client.active_stack.orchestrator
    assert isinstance(orchestrator, ReferenceOrchestrator)
    orchestrator.settle_after(run_id, client.zen_store.get_snapshot(UUID(snapshot_id)))


if __name__ == "__main__":
    main()
