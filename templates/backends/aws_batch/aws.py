"""AWS: sessions, clients, and what its errors mean."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from .core.jobs import NoRoomError, OutOfReachError, UnavailableError

ATTEMPTS = 8
"""How often botocore sends a request that is throttled or not answered, with growing pauses."""

THROTTLED = (
    "RequestLimitExceeded",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
)

DENIED = (
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
)

NO_CREDENTIALS = (
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)


@dataclass(frozen=True)
class Arn:
    """Where something is in AWS.

    Attributes:
        partition: `aws`, or that of China or of the government.
        region: The region.
        account: The account.
        name: What it is called there.
    """

    partition: str
    region: str
    account: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Arn:
        """Take an ARN apart.

        Raises:
            ValueError: If it is none.
        """
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn":
            raise ValueError(f"{text!r} is no ARN.")
        return cls(parts[1], parts[3], parts[4], parts[5].rpartition("/")[2])


class Aws:
    """Clients of AWS's services, made anew when the credentials of a service connector expire."""

    def __init__(
        self,
        session: Callable[[], boto3.Session],
        region: str | None = None,
        endpoint_url: str | None = None,
    ) -> None:
        """Prepare; connect to nothing.

        Args:
            session: Gives a session whose credentials are valid; the same as long as they are.
            region: The region that new jobs are in, if not that of the session.
            endpoint_url: Where the API is, if not at its public address.
        """
        self._session = session
        self._region = region
        self._endpoint_url = endpoint_url
        self._clients: dict[tuple[str, str | None, int], Any] = {}
        self._of: boto3.Session | None = None
        self._account: str | None = None
        # A dynamic pipeline submits steps from several threads, and sessions belong to one.
        self._making = threading.RLock()

    @property
    def region(self) -> str:
        """The region that new jobs are in.

        Raises:
            OutOfReachError: If none is known.
        """
        with translated_errors():
            region: str = self.client("batch").meta.region_name
        return region

    def client(self, service: str, region: str | None = None, attempts: int = ATTEMPTS) -> Any:
        """Return a client.

        Args:
            service: The service.
            region: The region; None for that of new jobs.
            attempts: How often to send a request. Once only, if a second one could do harm.
        """
        with self._making:
            session = self._session()
            if session is not self._of:
                self._of, self._account = session, None
                self._clients.clear()
            key = (service, region, attempts)
            if key not in self._clients:
                retries = {"mode": "standard", "total_max_attempts": attempts}
                self._clients[key] = session.client(
                    service,
                    region_name=region or self._region,
                    endpoint_url=self._endpoint_url,
                    config=Config(retries=retries),
                )
            return self._clients[key]

    def at(self, service: str, arn: str) -> Any:
        """Return a client for the place where something is.

        Raises:
            OutOfReachError: If it is in another account than the credentials are for. To that one
                it would look as if it had never been.
        """
        place = Arn.parse(arn)
        with translated_errors():
            client = self.client(service, place.region)
            if self._account is None:
                self._account = self.client("sts").get_caller_identity()["Account"]
        if self._account != place.account:
            raise OutOfReachError(
                f"The run's jobs are in the AWS account {place.account}, and the credentials here "
                f"are for {self._account}. Stop or refresh the run with credentials for that "
                "account."
            )
        return client


@contextmanager
def translated_errors(of_submission: bool = False) -> Iterator[None]:
    """Raise what AWS's errors mean to the core.

    Args:
        of_submission: Whether a job is being submitted. Throttled, it is submitted later; refused,
            it stays refused.

    Raises:
        NoRoomError: If submissions are throttled.
        UnavailableError: If AWS has not answered, or only that it is busy.
        OutOfReachError: If AWS can't be asked with the credentials that there are.
    """
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in THROTTLED:
            raise (NoRoomError if of_submission else UnavailableError)(str(error)) from error
        if status >= 500:
            raise UnavailableError(str(error)) from error
        if code in DENIED and not of_submission:
            raise OutOfReachError(
                f"AWS refuses to say: {error}. Do this with other credentials, or give these the "
                "permission."
            ) from error
        raise
    except NO_CREDENTIALS as error:
        raise OutOfReachError(
            f"AWS can't be asked from here: {error}. Connect a service connector to the "
            "orchestrator, or set up credentials and a region here as for any AWS client."
        ) from error
    except (ConnectionError, HTTPClientError) as error:
        raise UnavailableError(f"AWS has not answered: {error}") from error
