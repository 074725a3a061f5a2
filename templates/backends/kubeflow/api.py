"""What the backend asks of the Kubeflow Pipelines API, through the official client."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import kfp
from kfp.client import (
    KF_PIPELINES_SA_TOKEN_ENV,
    KF_PIPELINES_SA_TOKEN_PATH,
    ServiceAccountTokenVolumeCredentials,
)
from kfp_server_api import ApiException
from urllib3.exceptions import HTTPError

from .core.jobs import UnavailableError
from .pipeline import ENDPOINT, KFP_RUN_ID

if TYPE_CHECKING:
    from .config import AcmeOrchestratorConfig

EQUALS = 1
"""An operation of filters, as the API numbers it."""

NOT_FOUND, TOO_MANY = 404, 429


class Api:
    """The calls, in terms of runs and recurring runs."""

    def __init__(self, config: AcmeOrchestratorConfig) -> None:
        """Prepare; connect to nothing.

        Args:
            config: Says where the API is.
        """
        self.config = config

    def begin(self, path: str, name: str, experiment: str, account: str | None) -> str:
        """Begin a run.

        Args:
            path: The compiled pipeline.
            name: Its name.
            experiment: The name of the experiment, which is made if there is none.
            account: Its service account; None for Kubeflow's.

        Returns:
            Its id.
        """
        with self._answers():
            run = self.client.run_pipeline(
                self._experiment(experiment),
                name,
                pipeline_package_path=path,
                enable_caching=False,
                service_account=account,
            )
        return str(run.run_id)

    def run(self, run_id: str) -> Any | None:
        """Read a run and its tasks.

        Returns:
            What the API says of it; None if there is no such run.
        """
        with self._answers():
            try:
                return self.client.get_run(run_id)
            except ApiException as error:
                if error.status != NOT_FOUND:
                    raise
        return None

    def find(self, name: str) -> str | None:
        """Look for a run by its name; return its id."""
        predicate = {"operation": EQUALS, "key": "display_name", "stringValue": name}
        with self._answers():
            found = self.client.list_runs(
                namespace=self.config.namespace, filter=json.dumps({"predicates": [predicate]})
            )
        return next((str(run.run_id) for run in found.runs or ()), None)

    def terminate(self, run_id: str) -> None:
        """End a run and all of its pods."""
        with self._answers():
            self.client.terminate_run(run_id)

    def schedule(
        self, path: str, name: str, experiment: str, account: str | None, cron: str
    ) -> str:
        """Have a run begun again and again.

        Args:
            path: The compiled pipeline.
            name: Its name.
            experiment: The name of the experiment, which is made if there is none.
            account: Its service account; None for Kubeflow's.
            cron: When, in six fields, the first of which is for seconds.

        Returns:
            The id of the recurring run.
        """
        with self._answers():
            made = self.client.create_recurring_run(
                self._experiment(experiment),
                name,
                pipeline_package_path=path,
                cron_expression=cron,
                enable_caching=False,
                no_catchup=True,  # A firing that was missed is gone, as it is with cron.
                service_account=account,
            )
        return str(made.recurring_run_id)

    def unschedule(self, schedule_id: str) -> None:
        """Delete a recurring run, if it is there."""
        with self._answers():
            try:
                self.client.delete_recurring_run(schedule_id)
            except ApiException as error:
                if error.status != NOT_FOUND:
                    raise

    @property
    def address(self) -> str | None:
        """Where the API is; pods have another way. None: where the client looks by itself."""
        in_pod = KFP_RUN_ID in os.environ
        return os.environ[ENDPOINT] if in_pod else self.config.host or os.environ.get(ENDPOINT)

    @cached_property
    def client(self) -> kfp.Client:
        """The official client."""
        arguments: dict[str, Any] = {"host": self.address}
        if KFP_RUN_ID in os.environ:
            # A pod has no credentials but those that are mounted.
            token = os.environ.get(KF_PIPELINES_SA_TOKEN_ENV, KF_PIPELINES_SA_TOKEN_PATH)
            if os.path.exists(token):
                arguments["credentials"] = ServiceAccountTokenVolumeCredentials(token)
        else:
            arguments |= {"existing_token": self.config.token, "cookies": self.config.cookies}
            arguments |= self.config.client_args
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # About servers older than 2.0.
            return kfp.Client(**arguments)

    def _experiment(self, name: str) -> str:
        made = self.client.create_experiment(name, namespace=self.config.namespace)
        return str(made.experiment_id)

    @contextmanager
    def _answers(self) -> Iterator[None]:
        """Tell an API that does not answer from one that refuses.

        Raises:
            UnavailableError: If it does not answer.
            RuntimeError: If it refuses.
        """
        where = f"The Kubeflow Pipelines API at {self.address or 'its default address'}"
        try:
            yield
        except HTTPError as error:
            raise UnavailableError(
                f"{where} does not answer: {error}. Its address is the field `host` of the "
                "orchestrator, or the variable KF_PIPELINES_ENDPOINT."
            ) from error
        except ApiException as error:
            if not error.status or error.status == TOO_MANY or error.status >= 500:
                raise UnavailableError(f"{where} fails: {_told(error)}") from error
            raise RuntimeError(f"{where} refuses: {_told(error)}") from error


def _told(error: ApiException) -> str:
    """Return what an error says, without its headers."""
    try:
        told = json.loads(error.body)["message"]
    except (KeyError, TypeError, ValueError):
        told = error.reason
    return f"{error.status}, {told}"
