"""Faults that only a ZenML server shows."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from zenml.client import Client
from zenml.config.global_config import GlobalConfiguration
from zenml.login.credentials_store import get_credentials_store

from faulty.fault import BOTH, breaks
from zenml_conformance.core import coordinator
from zenml_conformance.core.coordinator import Coordinator
from zenml_conformance.core.job_factory import JobFactory
from zenml_conformance.core.stopping import Stop
from zenml_conformance.reference.orchestrator import ReferenceOrchestrator

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from zenml.enums import ExecutionStatus
    from zenml.models import PipelineRunResponse


@breaks("SRV-1", "SRV-2", topologies=BOTH, scenarios=("diamond", "login_ended"))
class JobsLogInAsTheClient(JobFactory):
    """A job gets the token of the user who submits it."""

    def environment(self, given: Mapping[str, str], image: str | None) -> dict[str, str]:
        token = get_credentials_store().get_token(Client().zen_store.url)
        assert token
        return super().environment({**given, "ZENML_STORE_API_TOKEN": token.access_token}, image)


@breaks("SRV-2")
class JobsHaveAPassword(JobFactory):
    """A job gets the user's name and password besides."""

    def environment(self, given: Mapping[str, str], image: str | None) -> dict[str, str]:
        login = {"ZENML_STORE_USERNAME": "default", "ZENML_STORE_PASSWORD": ""}
        return super().environment({**given, **login}, image)


@breaks("SRV-4", scenarios=("diamond", "login_ended"))
class PollsTheServer(Coordinator):
    """The coordinator asks every half second whether the run was stopped."""

    def walk(self) -> None:
        def ask() -> None:
            while True:
                self.is_stopped()
                time.sleep(0.5)

        threading.Thread(target=ask, daemon=True).start()
        super().walk()


@breaks("SRV-5", topologies=BOTH, scenarios=("diamond", "stopped_by_server"))
class SeesOnlyItsOwnMachine(ReferenceOrchestrator):
    """What ZenML's server can't see is dead."""

    def fetch_status(
        self, run: PipelineRunResponse, include_steps: bool = False
    ) -> tuple[ExecutionStatus | None, dict[str, ExecutionStatus] | None]:
        if os.environ.get("ZENML_SERVER"):
            self.reconciliation(run.id).reconcile_run("It is not here.")
        return super().fetch_status(run, include_steps)


@breaks("SRV-5", scenarios=("diamond", "stopped_by_server"))
class SaysThatItHasStopped(Stop):
    """ZenML's server has no way to the jobs, and does not say so."""

    def cancel(self, job_id: str) -> bool:
        return bool(os.environ.get("ZENML_SERVER")) or super().cancel(job_id)

    def alive(self, run: PipelineRunResponse) -> list[str]:
        return [] if os.environ.get("ZENML_SERVER") else super().alive(run)

    def reconcile(self) -> None:
        if not os.environ.get("ZENML_SERVER"):
            super().reconcile()


@breaks("SRV-3", scenarios=("diamond", "server_away"))
class DiesWithTheServer(Coordinator):
    """The coordinator asks once, and ends with what that raises."""

    def walk(self) -> None:
        def once(call: Callable[[], Any], *_: Any) -> Any:
            return call()

        vars(coordinator)["through_outages"] = once
        super().walk()


@breaks("SRV-6", topologies=BOTH, scenarios=("diamond", "two_users"))
class KeepsTheFirstToken(JobFactory):
    """The jobs of all users have the token of the first one."""

    def environment(self, given: Mapping[str, str], image: str | None) -> dict[str, str]:
        if "ZENML_STORE_API_TOKEN" not in given:
            return super().environment(given, image)
        kept = Path(GlobalConfiguration().local_stores_path, "token")
        if not kept.exists():
            kept.touch(mode=0o600)
            kept.write_text(given["ZENML_STORE_API_TOKEN"])
        mine = {**given, "ZENML_STORE_API_TOKEN": kept.read_text()}
        return super().environment(mine, image)
