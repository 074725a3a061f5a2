"""A ZenML server, on loopback, with an administrator and a service account."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests

from engine import HOME, Daemon, Engine, EngineError, free_ports, run, wait_for

ADMINISTRATOR = "admin"
SERVICE_ACCOUNT = "kit"

APPLICATION = "zenml.zen_server.zen_server_api:app"

REQUEST_SECONDS = 30.0

PROBE = """
from zenml.client import Client
client = Client()
print(client.active_user.name, "is logged in to ZenML", client.zen_store.get_store_info().version)
"""


class ZenMLServer(Engine):
    """A server with a database of its own, a file."""

    name = "server"

    def __init__(self, home: Path = HOME) -> None:
        """Describe the server.

        Args:
            home: The directory of all engines.
        """
        super().__init__(home)
        self.server = Daemon(self.home, "server")
        # As all clients': ZenML wants client and server to be of one version.
        self.python = Path(sys.executable)

    @property
    def daemons(self) -> Sequence[Daemon]:
        """The processes that it is made of."""
        return (self.server,)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._port.read_text(encoding='ascii')}"

    def environment(self) -> dict[str, str]:
        """Return the variables that lead to it. None is ZenML's: a user's own server stays theirs.

        The files can be read by their owner only.
        """
        return {
            "ZENML_KIT_SERVER_URL": self.url,
            "ZENML_KIT_SERVER_KEY_FILE": str(self._api_key),
            "ZENML_KIT_SERVER_PASSWORD_FILE": str(self._password),
        }

    def up(self) -> None:
        """Start the server, with what its database has; make the accounts that it has not.

        Raises:
            EngineError: If it does not come up.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        if self.server.process() is None:
            self._port.write_text(str(free_ports(1)[0]), encoding="ascii")
            for file in (self._password, self._signature):
                if not file.exists():
                    _keep(file, secrets.token_hex(32))
            settings = self._settings()
            # What a user has set for ZenML's client would lead the server to another database.
            others = [n for n in os.environ if n.startswith("ZENML_") and n not in settings]
            self.server.start(
                *("env", *(f"--unset={name}" for name in others)),
                *(self.python, "-m", "uvicorn", APPLICATION),
                *("--host=127.0.0.1", f"--port={self._port.read_text(encoding='ascii')}"),
                environment=settings,
            )
        wait_for("the server to be ready", self._is_ready, [self.server], seconds=120)
        if not self._api_key.exists():
            _keep(self._api_key, self._new_api_key())

    def check(self) -> str:
        """Log in as the service account, with ZenML's client.

        Raises:
            EngineError: If that is refused.
        """
        home = self.home / "probe"
        try:
            said = run(
                *(self.python, "-c", PROBE),
                environment={
                    "ZENML_CONFIG_PATH": str(home),
                    "ZENML_STORE_URL": self.url,
                    "ZENML_STORE_API_KEY": self._api_key.read_text(encoding="ascii"),
                    "ZENML_ANALYTICS_OPT_IN": "false",
                    "ZENML_LOGGING_VERBOSITY": "ERROR",
                },
            )
        finally:
            shutil.rmtree(home, ignore_errors=True)
        return said.splitlines()[-1]

    def _settings(self) -> dict[str, str]:
        return {
            "ZENML_CONFIG_PATH": str(self.home / "zenml"),
            "ZENML_ANALYTICS_OPT_IN": "false",
            "ZENML_SERVER": "true",
            "ZENML_SERVER_AUTO_ACTIVATE": "true",
            "ZENML_SERVER_JWT_SECRET_KEY": self._signature.read_text(encoding="ascii"),
            "ZENML_DEFAULT_USER_NAME": ADMINISTRATOR,
            "ZENML_DEFAULT_USER_PASSWORD": self._password.read_text(encoding="ascii"),
        }

    def _new_api_key(self) -> str:
        """Make the service account, and a key for it."""
        form = {
            "username": ADMINISTRATOR,
            "password": self._password.read_text(encoding="ascii"),
        }
        token = self._call("POST", "login", data=form)["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        known = self._call(
            "GET", "service_accounts", headers=headers, params={"name": SERVICE_ACCOUNT}
        )
        account = next(iter(known["items"]), None) or self._call(
            "POST",
            "service_accounts",
            headers=headers,
            json={"name": SERVICE_ACCOUNT, "active": True},
        )
        key = self._call(
            "POST",
            f"service_accounts/{account['id']}/api_keys",
            headers=headers,
            json={"name": secrets.token_hex(4)},
        )
        return str(key["body"]["key"])

    def _is_ready(self) -> None:
        try:
            requests.get(f"{self.url}/ready", timeout=REQUEST_SECONDS).raise_for_status()
        except requests.RequestException as error:
            raise EngineError(str(error)) from error

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            response = requests.request(
                method, f"{self.url}/api/v1/{path}", timeout=REQUEST_SECONDS, **arguments
            )
            response.raise_for_status()
            return response.json()
        except requests.RequestException as error:
            raise EngineError(f"the server did not {method} {path}: {error}") from error

    @property
    def _port(self) -> Path:
        return self.home / "port"

    @property
    def _password(self) -> Path:
        return self.home / "password"

    @property
    def _api_key(self) -> Path:
        return self.home / "api_key"

    @property
    def _signature(self) -> Path:
        """What the server signs tokens with: those that it gave out outlive a restart."""
        return self.home / "signature"


def _keep(file: Path, secret: str) -> None:
    """Write a secret down, for the owner only."""
    file.touch(mode=0o600)
    file.write_text(secret, encoding="ascii")
