"""The connection to the cluster, and what its errors mean."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from kubernetes.client import ApiClient, ApiException, Configuration
from kubernetes.config import ConfigException, load_incluster_config, new_client_from_config
from urllib3.exceptions import HTTPError

from .core.jobs import NoRoomError, OutOfReachError, UnavailableError
from .core.run_id import RUN_ID_VARIABLE

if TYPE_CHECKING:
    from zenml.service_connectors.service_connector import ServiceConnector

    from .config import AcmeOrchestratorConfig

BUSY = (0, 408, 429, 500, 502, 503, 504)
"""Statuses of an API server that has decided nothing; 0 is for one that did not answer."""


def connect(
    config: AcmeOrchestratorConfig, connector: Callable[[], ServiceConnector | None]
) -> ApiClient:
    """Connect to the cluster.

    A pod that looks after a run uses its own account. Elsewhere, the service connector goes before
    the kubeconfig.

    Args:
        config: The configuration of the stack component.
        connector: Returns its service connector, if it has one.

    Raises:
        OutOfReachError: If nothing says where the cluster is.
    """
    is_pod = "KUBERNETES_SERVICE_HOST" in os.environ
    try:
        if is_pod and RUN_ID_VARIABLE in os.environ:
            return _own_account()
        if service := connector():
            client = service.connect()
            if not isinstance(client, ApiClient):
                raise OutOfReachError(
                    f"The service connector gives a {type(client).__name__}, and no client of "
                    "Kubernetes. Connect one for a resource of the type `kubernetes-cluster`."
                )
            return client
        if is_pod and config.kubernetes_context is None:
            return _own_account()
        return new_client_from_config(context=config.kubernetes_context)
    except ConfigException as error:
        raise OutOfReachError(
            f"No Kubernetes cluster can be reached from here: {error}. Have a kubeconfig (in the "
            "variable KUBECONFIG, or ~/.kube/config), name one of its contexts in "
            "`kubernetes_context`, or connect a service connector to the orchestrator."
        ) from error


def _own_account() -> ApiClient:
    configuration = Configuration()
    load_incluster_config(configuration)
    return ApiClient(configuration)


@contextlib.contextmanager
def api_errors(what: str) -> Iterator[None]:
    """Translate what the client raises.

    Args:
        what: What is asked of the API server, for messages: "create Job a-job".

    Raises:
        UnavailableError: If the API server has decided nothing.
        NoRoomError: If a quota is used up.
        ValueError: If what it is asked for is not valid.
        PermissionError: If the account may not.
        ApiException: On every other answer.
    """
    try:
        yield
    except HTTPError as error:
        raise UnavailableError(f"The API server can't be reached to {what}: {error}") from error
    except ApiException as error:
        message = told(error)
        # A conflict of two requests, for example about a quota that both use.
        if error.status in BUSY or (error.status == 409 and not already_exists(error)):
            raise UnavailableError(f"The API server can't {what} now: {message}") from error
        if error.status == 403 and "exceeded quota" in message:
            raise NoRoomError(f"There is no quota to {what}: {message}") from error
        if error.status in (401, 403):
            raise PermissionError(
                f"The account in use may not {what}: {message}. `rbac.yaml` has the permissions "
                "that this orchestrator needs."
            ) from error
        if error.status in (400, 422):
            raise ValueError(f"The API server refuses to {what}: {message}") from error
        raise


def told(error: ApiException) -> str:
    """Return what an API server says about an error."""
    return _field(error, "message") or str(error.reason)


def already_exists(error: ApiException) -> bool:
    """Say whether a name is taken."""
    return error.status == 409 and _field(error, "reason") == "AlreadyExists"


def _field(error: ApiException, name: str) -> str | None:
    try:
        value = json.loads(error.body)[name]
    except (KeyError, TypeError, ValueError):
        return None
    return value if isinstance(value, str) else None
