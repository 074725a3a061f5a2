"""Faults that only a ZenML server shows."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from zenml.client import Client
from zenml.login.credentials_store import get_credentials_store

from faulty.fault import BOTH, breaks
from zenml_conformance.core import coordinator
from zenml_conformance.core.coordinator import Coordinator
from zenml_conformance.core.job_factory import JobFactory

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


@breaks("SRV-1", "SRV-2", topologies=BOTH, scenarios=("diamond", "login_ended"))
class JobsLogInAsTheClient(JobFactory):
    """A job gets the token of whoever submits it."""

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


@breaks("SRV-3", scenarios=("diamond", "server_away"))
class DiesWithTheServer(Coordinator):
    """The coordinator asks once, and ends with what that raises."""

    def walk(self) -> None:
        def once(call: Callable[[], Any], *_: Any) -> Any:
            return call()

        vars(coordinator)["through_outages"] = once
        super().walk()
