"""Where a scenario's ZenML server listens: where the harness says that jobs reach it."""

from __future__ import annotations

from pathlib import Path

import pytest

from zenml_conformance.context.zenml_server import ZenMLServer
from zenml_conformance.engine.session import Session
from zenml_conformance.harness import Harness
from zenml_conformance.protocol import EngineClient
from zenml_conformance.target.spec import TargetSpec


class OnABridge(Harness):
    """Jobs that do not have this machine's network."""

    def server_host(self) -> str:
        """Another address of this machine's."""
        return "127.0.0.2"


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize(
    ("harness", "host"), [(None, "127.0.0.1"), (f"{__name__}:OnABridge", "127.0.0.2")]
)
def test_a_server_listens_where_jobs_reach_it(
    live: bool, harness: str | None, host: str, tmp_path: Path
) -> None:
    """On loopback, unless there is a harness that knows better; at either tier."""
    target = TargetSpec(ref="reference", harness=harness, live=live)
    session = Session(socket="none", target=target)
    server = ZenMLServer(EngineClient("none"), tmp_path, session)
    assert server.url.startswith(f"http://{host}:")
