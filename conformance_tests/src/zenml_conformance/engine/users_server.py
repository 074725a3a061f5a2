"""A ZenML server that a user runs: scenarios run on it, and leave nothing there.

Each scenario has a project of its own. Stacks and components belong to no project in ZenML; the
session's begin alike, and are not to be taken for another's. Flavors keep their names.
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
        file = directory / "api-key"
        file.touch(mode=0o600)
        file.write_text(key, encoding="utf-8")
        name = f"conformance-{secrets.token_hex(4)}"
        server = UsersServer(url=url.rstrip("/"), key_file=str(file), name=name)
        server.log_in()
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
            OptionError: If the server refuses.
        """
        what, form = "the login with the API key of a service account", {"password": self.key}
        return str(self._ask(what, "POST", "login", "access_token", data=form))

    def add_project(self, scenario: str, token: str) -> str:
        """Make a project for a scenario.

        Args:
            scenario: The scenario.
            token: That of a login.

        Returns:
            The project's id.

        Raises:
            OptionError: If the server refuses.
        """
        project = {"name": f"{self.name}-{secrets.token_hex(4)}", "display_name": scenario}
        what = "making a project"
        return str(self._ask(what, "POST", "projects", "id", token, json=project))

    def flavors(self, names: set[str]) -> set[str]:
        """Find out which flavors the server knows.

        Args:
            names: Their names.

        Returns:
            The ids of those that it knows.

        Raises:
            OptionError: If the server refuses.
        """
        token = self.log_in()
        found = (self._found("flavors", name, token) for name in names)
        return {str(flavor["id"]) for flavors in found for flavor in flavors}

    def remove(self, flavors: set[str]) -> None:
        """Remove all that the session has made.

        Args:
            flavors: The ids of the flavors that it has registered.

        Raises:
            OptionError: If the server refuses.
        """
        token = self.log_in()
        for kind in ("projects", "stacks", "components"):
            while found := self._found(kind, f"startswith:{self.name}", token):
                for item in found:
                    self._delete(f"{kind}/{item['id']}", token)
        for flavor in flavors:
            self._delete(f"flavors/{flavor}", token)

    def _found(self, kind: str, name: str, token: str) -> list[dict[str, Any]]:
        what, params = f"listing {kind}", {"name": name, "size": 100}
        found: list[dict[str, Any]] = self._ask(what, "GET", kind, "items", token, params=params)
        return found

    def _delete(self, path: str, token: str) -> None:
        self._ask(f"deleting {path}", "DELETE", path, None, token)

    def _ask(
        self,
        what: str,
        method: str,
        path: str,
        field: str | None,
        token: str | None = None,
        **arguments: Any,
    ) -> Any:
        """Ask the server for something, of whose answer a field is wanted, or nothing."""
        import requests

        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            response = requests.request(
                method,
                f"{self.url}/api/v1/{path}",
                headers=headers,
                timeout=REQUEST_SECONDS,
                **arguments,
            )
            response.raise_for_status()
            return response.json()[field] if field else None
        except (requests.RequestException, KeyError, TypeError) as error:
            raise OptionError(f"{OPTION}={self.url}: {what} failed: {error}") from None
