"""A ZenML server that somebody else runs: scenarios play on it, and leave nothing there.

Each scenario has a project of its own. Stacks, components and flavors belong to no project in
ZenML; the session's are called alike, and are not to be taken for anybody else's.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from zenml_conformance.errors import OptionError
from zenml_conformance.target.spec import EXACT

REQUEST_SECONDS = 60.0

OPTION = "--conformance-store"


class UsersServer(BaseModel):
    """The server, as one session uses it.

    Attributes:
        url: Its address.
        key_file: The file with the API key, which only its owner can read.
        name: What the session's stack is called there, and how all else of it begins.
    """

    model_config = EXACT

    url: str
    key_file: str
    name: str

    @staticmethod
    def reach(url: str, key: str, directory: Path) -> UsersServer:
        """Log in for the first time.

        Args:
            url: The server's address.
            key: An API key.
            directory: Takes the key; is removed when the session ends.

        Returns:
            The server.

        Raises:
            OptionError: If it can't be reached, or refuses the key.
        """
        import requests

        file = directory / "api-key"
        file.touch(mode=0o600)
        file.write_text(key, encoding="utf-8")
        name = f"conformance-{secrets.token_hex(4)}"
        server = UsersServer(url=url.rstrip("/"), key_file=str(file), name=name)
        try:
            server.log_in()
        except (requests.RequestException, KeyError) as error:
            raise OptionError(
                f"{OPTION}={url}: the login with the API key of a service account failed: {error}"
            ) from None
        return server

    @property
    def key(self) -> str:
        """The API key."""
        return Path(self.key_file).read_text(encoding="utf-8")

    def log_in(self) -> str:
        """Log in, as ZenML's client does with an API key.

        Returns:
            A token.

        Raises:
            requests.RequestException: If the server refuses.
        """
        return str(self._call("POST", "login", data={"password": self.key})["access_token"])

    def add_project(self, scenario: str, token: str) -> str:
        """Make a project for a scenario.

        Args:
            scenario: The scenario.
            token: That of a login.

        Returns:
            The project's id.

        Raises:
            requests.RequestException: If the server refuses.
        """
        project = {"name": f"{self.name}-{secrets.token_hex(4)}", "display_name": scenario}
        return str(self._call("POST", "projects", token, json=project)["id"])

    def flavors(self, names: set[str]) -> set[str]:
        """Find out which flavors the server knows.

        Args:
            names: Their names.

        Returns:
            The ids of those that it knows.

        Raises:
            requests.RequestException: If the server refuses.
        """
        token = self.log_in()
        found = (self._found("flavors", name, token) for name in names)
        return {str(flavor["id"]) for flavors in found for flavor in flavors}

    def remove(self, flavors: set[str]) -> None:
        """Remove all that the session has made.

        Args:
            flavors: The ids of the flavors that it has registered.

        Raises:
            requests.RequestException: If the server refuses.
        """
        token = self.log_in()
        for kind in ("projects", "stacks", "components"):
            while found := self._found(kind, f"startswith:{self.name}", token):
                for item in found:
                    self._call("DELETE", f"{kind}/{item['id']}", token)
        for flavor in flavors:
            self._call("DELETE", f"flavors/{flavor}", token)

    def _found(self, kind: str, name: str, token: str) -> list[dict[str, Any]]:
        params = {"name": name, "size": 100}
        found: list[dict[str, Any]] = self._call("GET", kind, token, params=params)["items"]
        return found

    def _call(self, method: str, path: str, token: str | None = None, **arguments: Any) -> Any:
        import requests

        headers = {"Authorization": f"Bearer {token}"} if token else {}
        response = requests.request(
            method,
            f"{self.url}/api/v1/{path}",
            headers=headers,
            timeout=REQUEST_SECONDS,
            **arguments,
        )
        response.raise_for_status()
        return response.json()
