"""Mutants that only a ZenML server shows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from zenml_conformance.prove.mutant import Needs, mutant

if TYPE_CHECKING:
    from zenml_conformance.fake_backend.jobs import Job
    from zenml_conformance.prove.injector import FaultInjector


def _log_in_as_the_client(injector: FaultInjector) -> None:
    from zenml.client import Client
    from zenml.login.credentials_store import get_credentials_store

    def change(job: Job) -> Job:
        token = get_credentials_store().get_token(Client().zen_store.url)
        assert token
        given = {**job.environment, "ZENML_STORE_API_TOKEN": token.access_token}
        return job.model_copy(update={"environment": given})

    injector.change_jobs(change)


@mutant("SRV-1", needs=Needs.JOBS)
def login_forwarded(injector: FaultInjector) -> None:
    """Jobs work with the login of the user who submitted the run, and end with it."""
    _log_in_as_the_client(injector)


@mutant("SRV-2", needs=Needs.JOBS)
def user_token_in_jobs(injector: FaultInjector) -> None:
    """A step's process has a token that opens all that its user may do."""
    _log_in_as_the_client(injector)


@mutant("SRV-6", needs=Needs.JOBS)
def first_users_token(injector: FaultInjector) -> None:
    """The jobs of all users log in with the token of the first job that a machine has submitted."""
    kept = Path(os.environ["HOME"], "first-token")

    def change(job: Job) -> Job:
        if not kept.exists():
            kept.write_text(job.environment["ZENML_STORE_API_TOKEN"])
        given = {**job.environment, "ZENML_STORE_API_TOKEN": kept.read_text()}
        return job.model_copy(update={"environment": given})

    injector.change_jobs(change)
