"""Isolated ZenML stores: one template is made, every scenario gets a copy.

Making a store costs seconds (ZenML runs its migrations); copying one costs milliseconds.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import yaml

from zenml_conformance.inputs import is_text

STACK = "conformance"
"""Name of the stack, and of the orchestrator in it, where nobody else has stacks."""

IDLE = "conformance_idle"
"""Name of the flavor of step operators that run nothing."""

CONFIGURATION = "configuration"
"""Beside a copy of the store, the directory with the configuration that each client copies."""

_MACHINE_VARIABLES = ("PATH", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "TMPDIR")
_NOT_INHERITED = ("ZENML_", "PYTEST_", "CONFORMANCE_", "DISABLE_DATABASE_MIGRATION")

_QUIET = {
    "ZENML_ANALYTICS_OPT_IN": "false",
    "AUTO_OPEN_DASHBOARD": "false",
    "ZENML_AUTO_OPEN_DASHBOARD": "false",
    "ZENML_DISABLE_CLIENT_SERVER_MISMATCH_WARNING": "true",
    "ZENML_ENABLE_RICH_TRACEBACK": "false",
    "ZENML_DISABLE_STEP_LOGS_STORAGE": "true",
    "ZENML_LOGGING_COLORS_DISABLED": "true",
    # How often, in seconds, the code of a dynamic pipeline looks after its isolated steps.
    "ZENML_DYNAMIC_PIPELINE_MONITORING_INTERVAL": "0.5",
    # Else ZenML looks for a repository (`.zen`) in all directories above the current one, finds
    # the user's, and uses and changes its active stack (`zenml.client.Client.find_repository`).
    "ZENML_REPOSITORY_PATH": os.devnull,
}


def machine_environment() -> dict[str, str]:
    """Give the environment that a machine of the suite's own gives to every process on it.

    It has nothing that an orchestrator would have to forward. `HOME` is each process's own.

    Returns:
        Environment variables.
    """
    kept = {
        name: os.environ[name]
        for name in _MACHINE_VARIABLES
        if name in os.environ and is_text(os.environ[name])
    }
    kept["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    return {**kept, **_QUIET}


def user_environment(home: Path | None) -> dict[str, str]:
    """Give the environment of a user at the keyboard, without anything of ZenML's.

    Args:
        home: A home directory of the suite's; None: the user's own, which clients of real
            backends may need (`~/.kube`, `~/.aws`). ZenML does not look there.

    Returns:
        Environment variables.
    """
    inherited = {
        # What is not UTF-8 can't travel as JSON.
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_NOT_INHERITED) and is_text(name + value)
    }
    return {**inherited, **machine_environment(), "HOME": str(home or Path.home())}


def client_environment(directory: Path, simulated: bool) -> dict[str, str]:
    """Give the environment of a client whose store is in a directory.

    Args:
        directory: Where `clone` put the store.
        simulated: Whether the fake backend takes the place of a real one.

    Returns:
        Environment variables.
    """
    home = directory / "home" if simulated else None
    if home:
        home.mkdir(mode=0o700, exist_ok=True)
    return {
        **user_environment(home),
        "ZENML_CONFIG_PATH": str(directory / "zenml"),
        "ZENML_CUSTOM_SOURCE_ROOT": str(directory / "cwd"),
        # The copy is of an up-to-date store: ZenML need not look for migrations.
        "DISABLE_DATABASE_MIGRATION": "true",
    }


def clone(template: Path, directory: Path) -> None:
    """Copy a template store.

    ZenML writes the absolute path of a store into its `config.yaml`; the copy's is corrected.

    Args:
        template: Directory of the template.
        directory: Directory of the copy; must not have a store yet.
    """
    source, copy = template / "zenml", directory / "zenml"
    shutil.copytree(source, copy)
    config = (source / "config.yaml").read_text().replace(str(source), str(copy))
    (copy / "config.yaml").write_text(config)
    (directory / CONFIGURATION).mkdir(mode=0o700)
    (directory / CONFIGURATION / "config.yaml").write_text(config)


def log_in(configuration: Path, url: str, token: str, **active: str | None) -> None:
    """Have clients talk to a server, as `zenml login` does.

    Args:
        configuration: The directory with the configuration.
        url: The server's address.
        token: What a user gets who logs in (`zenml.login.credentials_store`).
        **active: What else becomes of the configuration: the ids of project and stack.
    """
    config = yaml.safe_load((configuration / "config.yaml").read_text())
    config |= {"store": {"type": "rest", "url": url}, **active}
    (configuration / "config.yaml").write_text(yaml.safe_dump(config))
    credentials = configuration / "credentials.yaml"
    credentials.touch(mode=0o600)
    credentials.write_text(
        yaml.safe_dump({url: {"url": url, "api_token": {"access_token": token}}})
    )


def own_configuration(directory: Path, name: str) -> dict[str, str]:
    """Give a process its own copy of a store's configuration.

    ZenML writes `config.yaml` in place whenever it starts (`GlobalConfiguration._write_config`). A
    process that starts in that moment reads an empty file, and falls back to the default stack.

    Args:
        directory: Where `clone` put the store.
        name: The process; several of one name share the copy.

    Returns:
        What comes on top of `client_environment`.
    """
    config = directory / "clients" / name
    if not config.exists():
        shutil.copytree(directory / CONFIGURATION, config)
    return {
        "ZENML_CONFIG_PATH": str(config),
        "ZENML_LOCAL_STORES_PATH": str(directory / "zenml" / "local_stores"),
    }
