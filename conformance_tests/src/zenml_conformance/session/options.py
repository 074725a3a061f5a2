"""The options: on the command line, and in pytest's configuration.

Every pytest session of an environment imports this module: nothing here may take time to import.
"""

from __future__ import annotations

import argparse
import difflib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from zenml_conformance.contract.rule import Profile, Tier
from zenml_conformance.errors import InputError, OptionError
from zenml_conformance.target.patience import PATIENCE_SECONDS

ALONE_USELESS = (
    "orchestrator_config",
    "orchestrator_harness",
    "conformance_tier",
    "conformance_store",
    "conformance_patience",
    "conformance_rules",
    "conformance_budget",
    "conformance_waivers",
    "conformance_baseline",
    "conformance_strict",
    "conformance_report",
    "conformance_prove",
)
"""What says how to judge, and so needs something that is judged."""

TIERS = (Tier.SIMULATED.value, Tier.LIVE.value)

STORES = ("sqlite", "server")

KEY_VARIABLE = "ZENML_STORE_API_KEY"
"""ZenML's own variable for the API key of a service account."""


def register(parser: pytest.Parser) -> None:
    """Add the options.

    Each has a twin in pytest's configuration, called like it (`conformance_tier` for
    `--conformance-tier`). What is given on the command line wins.

    Args:
        parser: pytest's.
    """
    group = parser.getgroup("conformance", "conformance of ZenML orchestrators")

    def option(*names: str, ini: str = "string", default: Any = None, **settings: Any) -> None:
        dest = names[0].lstrip("-").replace("-", "_")
        group.addoption(*names, dest=dest, default=default, **settings)
        parser.addini(
            dest,
            f"see {names[0]}",
            type=ini,  # type: ignore[arg-type]
            default={"linelist": [], "bool": False}.get(ini),
        )

    option(
        "--orchestrator",
        metavar="REF",
        help="the orchestrator to judge: `package.module:Flavor`, `package.module.Flavor`, a "
        "flavor that ZenML ships (`local`), or `reference`. Runs the installed suite.",
    )
    option(
        "--orchestrator-config",
        metavar="KEY=VALUE|FILE",
        action="append",
        ini="linelist",
        help="a field of its configuration (the value is read as YAML), or a YAML file of them; "
        "may be repeated, the last one wins",
    )
    option(
        "--orchestrator-harness",
        metavar="MODULE:CLASS",
        help="how to connect the fake backend; found by itself for projects from the template",
    )
    option(
        "--conformance-tier",
        metavar="TIER",
        help="`simulated` (default): on the suite's fake backend, where one can be connected; "
        "`live`: on the orchestrator's own backend",
    )
    option(
        "--conformance-store",
        metavar="STORE",
        help="what ZenML's store is: `sqlite` (default): a file; `server`: ZenML servers of the "
        "suite's own; a URL: your server, with the API key of a service account in "
        f"{KEY_VARIABLE}",
    )
    option(
        "--conformance-patience",
        metavar="SECONDS",
        help="how long the orchestrator's own backend may take to start a job (default: "
        f"{PATIENCE_SECONDS:.0f}); all waits at the live tier follow",
    )
    option(
        "--conformance-profile",
        metavar="PROFILE,…",
        help="judge these profiles alone, of " + ", ".join(profile.value for profile in Profile),
    )
    option(
        "--conformance-rules",
        metavar="AREA|ID,…",
        action="append",
        ini="linelist",
        help="judge these rules alone: whole areas (`ENV`) or single rules (`STOP-1`); may be "
        "repeated",
    )
    option(
        "--conformance-budget",
        metavar="SECONDS",
        help="how long the session may judge: MUST rules first; what it does not reach is named",
    )
    option(
        "--conformance-waivers",
        metavar="FILE",
        help="YAML list of rules that may be broken: rule, reason, owner, expires, issue",
    )
    option(
        "--conformance-baseline",
        metavar="REPORT.JSON",
        help="an earlier report; only what got worse since then fails the session",
    )
    option(
        "--conformance-strict",
        action="store_true",
        ini="bool",
        help="let every verdict but `conformant` fail the session, a partial one too",
    )
    option(
        "--conformance-report",
        metavar="DIR",
        help="write report.json, report.md, report.html and badge.svg there",
    )
    # `--prove` for short; as a destination, and as a twin, it has the other name.
    option(
        "--conformance-prove",
        "--prove",
        action="store_true",
        ini="bool",
        help="then put faults into the orchestrator itself, and show that each MUST rule notices",
    )
    # Questions, to which the answer is printed; nothing is judged then.
    group.addoption("--explain", metavar="ID", help="print what a rule asks for, and exit")
    group.addoption("--list-rules", action="store_true", help="print all rules, and exit")


@dataclass(frozen=True)
class Options:
    """What was asked for.

    Attributes:
        orchestrator: The orchestrator under test.
        config: Fields of its configuration.
        harness: `module:Class` of a harness; None: look for one.
        tier: `simulated` or `live`.
        store: What ZenML's store is: `sqlite`, `server`, or the URL of a server.
        patience: How long the orchestrator's own backend may take to start a job, in seconds.
        profiles: The profiles that are judged; empty: all of them.
        rules: Areas and ids of the rules that are judged; empty: all of them.
        budget: Seconds; None: as long as it takes.
        waivers: The file of waivers.
        baseline: An earlier report.
        strict: Whether every verdict but conformant fails.
        report: The directory that takes the reports.
    """

    orchestrator: str
    config: dict[str, Any]
    harness: str | None
    tier: Tier
    store: str
    patience: float
    profiles: tuple[Profile, ...]
    rules: tuple[str, ...]
    budget: float | None
    waivers: Path | None
    baseline: Path | None
    strict: bool
    report: Path | None

    @property
    def on_server(self) -> bool:
        """Whether the store is a server, and not a file."""
        return self.store != "sqlite"

    @property
    def server_url(self) -> str | None:
        """The address of the user's server; None: it is not the store."""
        return self.store if self.store not in STORES else None

    @staticmethod
    def of(config: pytest.Config) -> Options:
        """Read what was asked for.

        Args:
            config: pytest's.

        Returns:
            The options.

        Raises:
            OptionError: If one of them can't be used.
        """
        return Options(
            orchestrator=_text("--orchestrator", orchestrator(config, config.option)) or "",
            config=_configuration(config),
            harness=_word(config, "orchestrator_harness"),
            tier=_tier(_word(config, "conformance_tier") or Tier.SIMULATED.value),
            store=_store(_word(config, "conformance_store") or STORES[0]),
            patience=_seconds(config, "conformance_patience") or PATIENCE_SECONDS,
            profiles=profiles(config),
            rules=rules(config),
            budget=_seconds(config, "conformance_budget"),
            waivers=_path(config, "conformance_waivers"),
            baseline=_path(config, "conformance_baseline"),
            strict=flag(config, "conformance_strict"),
            report=_path(config, "conformance_report"),
        )


def orchestrator(config: pytest.Config, given: argparse.Namespace) -> str | None:
    """Say which orchestrator is to be judged.

    Args:
        config: pytest's.
        given: What stands on the command line and in `addopts`.

    Returns:
        What `--orchestrator` or its twin says; None: neither says anything.

    Raises:
        OptionError: If the twin is no text.
    """
    if given.orchestrator is not None:
        return str(given.orchestrator)
    return _ini_text(config, "orchestrator")


def refuse_alone(config: pytest.Config) -> None:
    """Refuse what is given on the command line and can have no effect.

    Args:
        config: pytest's.

    Raises:
        OptionError: If an option says how to judge, and nothing says what.
    """
    if orchestrator(config, config.option) is not None:
        return
    for name in ALONE_USELESS:
        if getattr(config.option, name):
            raise OptionError(
                f"--{name.replace('_', '-')}: there is nothing to judge. Name an orchestrator with "
                "--orchestrator=REF as well."
            )


def profiles(config: pytest.Config) -> tuple[Profile, ...]:
    """Say which profiles are to be judged.

    Args:
        config: pytest's.

    Returns:
        The profiles in the order of `Profile`; empty: all of them.

    Raises:
        OptionError: If there is no such profile.
    """
    asked = [name.strip() for name in (_word(config, "conformance_profile") or "").split(",")]
    known = [profile.value for profile in Profile]
    for name in filter(None, asked):
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise OptionError(
                f"--conformance-profile={name}: there is no such profile.{hint} They are "
                f"{', '.join(known)}; several are separated by commas."
            )
    return tuple(profile for profile in Profile if profile.value in asked)


def rules(config: pytest.Config) -> tuple[str, ...]:
    """Say which rules are to be judged.

    Args:
        config: pytest's.

    Returns:
        Areas and ids, as `selection.select` takes them; empty: all of them.

    Raises:
        OptionError: If one of them is neither.
    """
    from zenml_conformance.contract.selection import UnknownRules, select

    given = config.option.conformance_rules or _lines(config, "conformance_rules")
    names: list[str] = []
    for value in given:
        for name in map(str.strip, (_text("--conformance-rules", value) or "").split(",")):
            try:
                select([name])
            except UnknownRules as error:
                raise OptionError(f"--conformance-rules={name or value}: {error}") from error
            names.append(name.upper())
    return tuple(dict.fromkeys(names))


def flag(config: pytest.Config, name: str) -> bool:
    """Say whether an option without a value is given.

    Args:
        config: pytest's.
        name: The option, and its twin.

    Returns:
        Whether it is, on the command line or in the configuration.

    Raises:
        OptionError: If its twin is neither true nor false.
    """
    return bool(getattr(config.option, name) or _ini(config, name))


def _ini(config: pytest.Config, name: str) -> Any:
    try:
        return config.getini(name)
    except (TypeError, ValueError, pytest.UsageError) as error:
        raise OptionError(f"`{name}` in pytest's configuration can't be used: {error}.") from error


def _ini_text(config: pytest.Config, name: str) -> str | None:
    value = _ini(config, name)
    if value is not None and not isinstance(value, str):
        raise OptionError(
            f"`{name}` in pytest's configuration is {value!r}, and has to be text in quotes."
        )
    return value or None


def _lines(config: pytest.Config, name: str) -> list[str]:
    """A list of texts in the configuration, which could hold anything."""
    lines: list[str] = _ini(config, name)
    for line in lines:
        if not isinstance(line, str):
            raise OptionError(
                f"`{name}` in pytest's configuration has {line!r}, and has to be a list of texts."
            )
    return lines


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _text(option: str, value: str | None) -> str | None:
    """Check the value of an option: nothing and what is no text are mistakes.

    A shell variable that is empty is the usual one.
    """
    from zenml_conformance.inputs import is_text

    if value is None:
        return None
    if not value.strip():
        raise OptionError(f"{option}={value}: the value is empty. Give one, or leave it out.")
    if not is_text(value):
        raise OptionError(
            f"{option}={value}: the value is not UTF-8, or this locale is not. Correct it, or set "
            "PYTHONUTF8=1."
        )
    return value


def _word(config: pytest.Config, name: str) -> str | None:
    given = _text(_option(name), getattr(config.option, name))
    return given or _text(_option(name), _ini_text(config, name))


def _beside_ini(config: pytest.Config) -> Path:
    return config.inipath.parent if config.inipath else config.rootpath


def _path(config: pytest.Config, name: str) -> Path | None:
    """A path: from here on the command line, from the file's directory in a configuration file."""
    given = getattr(config.option, name)
    if given is not None:
        if not given:
            raise OptionError(f"{_option(name)}=: the value is empty. Give one, or leave it out.")
        return Path(config.invocation_params.dir, given)
    word = _ini_text(config, name)
    return _beside_ini(config) / word if word else None


def _tier(name: str) -> Tier:
    if name not in TIERS:
        raise OptionError(f"--conformance-tier={name}: give one of {', '.join(TIERS)}.")
    return Tier(name)


def _store(name: str) -> str:
    if name == "server":
        from zenml_conformance.engine import zenml_servers

        if not zenml_servers.are_installed():
            raise OptionError(
                "--conformance-store=server: this environment lacks what ZenML's server needs. "
                f"Install it: {zenml_servers.INSTALL}"
            )
    elif name not in STORES:
        _refuse_address(name)
    return name


def _refuse_address(text: str) -> None:
    """Refuse what is not the address of a server, or one that nobody has a key for."""
    try:
        parts = urlsplit(text)
        is_address = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        known = ", ".join(STORES)
        raise OptionError(
            f"--conformance-store={text}: give one of {known}, or the URL of a ZenML server."
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise OptionError(
            "--conformance-store: the URL has more in it than an address. It goes into the report: "
            f"give the API key in {KEY_VARIABLE}."
        )
    if not os.environ.get(KEY_VARIABLE):
        raise OptionError(
            f"--conformance-store={text}: the server asks who you are. Set {KEY_VARIABLE} to the "
            "API key of a service account (`zenml service-account create NAME`)."
        )


def _seconds(config: pytest.Config, name: str) -> float | None:
    text = _word(config, name)
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise OptionError(f"{_option(name)}={text}: give a number of seconds, above 0.")
    return seconds


def _configuration(config: pytest.Config) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for text in _lines(config, "orchestrator_config"):
        fields.update(_fields(text, _beside_ini(config)))
    for text in config.option.orchestrator_config or []:
        fields.update(_fields(text, config.invocation_params.dir))
    return fields


def _fields(text: str, base: Path) -> dict[str, Any]:
    from zenml_conformance.inputs import YAML_BYTES, is_text, parse_yaml, read_text, shown

    key, equals, value = text.partition("=")
    try:
        if equals:
            if not key or not is_text(key):
                raise InputError("there is no field before the `=`, or it is not UTF-8")
            return {key: parse_yaml(value)}
        loaded = parse_yaml(read_text(Path(base, text), YAML_BYTES))
        if not isinstance(loaded, dict):
            what = "nothing" if loaded is None else type(loaded).__name__
            raise InputError(f"the file holds {what}, not keys with values")
    except InputError as error:
        hint = "" if equals else ". It is taken for a file, since it is not KEY=VALUE"
        raise OptionError(f"--orchestrator-config={shown(text)[1:-1]}: {error}{hint}.") from error
    return loaded
