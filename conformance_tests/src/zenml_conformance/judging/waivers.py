"""Waivers: rules that are allowed to be broken, by whom, why, and until when."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from zenml_conformance.contract.rule import Outcome, Status
from zenml_conformance.contract.rules import RULES
from zenml_conformance.errors import InputError
from zenml_conformance.inputs import YAML_BYTES, parse_yaml, printable, read_text, shown

OPTION = "--conformance-waivers"
EXCUSED = (Status.FAILED, Status.BLOCKED, Status.ERROR)
"""What a waiver excuses: that a rule is broken, or that it can't be judged. A rule that stands on
a waived one needs a waiver of its own: excusing the cause says nothing about its consequences."""

Words = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(printable)
]


def _day(value: object) -> object:
    """Take a day only as ISO 8601 writes it: pydantic would take numbers for seconds since 1970."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError("there is no such day; correct the date") from None
    if type(value) is date:
        return value
    raise ValueError("it is no day; write it as YEAR-MONTH-DAY, for example 2030-12-31")


Day = Annotated[date, BeforeValidator(_day)]


class WaiverError(InputError):
    """The file of waivers can't be used. The message says why."""


class Waiver(BaseModel):
    """A rule's excuse.

    Attributes:
        rule: The rule's id.
        reason: Why it may be broken.
        owner: Who answers for it.
        expires: The last day on which it counts.
        issue: Where its repair is tracked.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: Words
    reason: Words
    owner: Words
    expires: Day
    issue: Words | None = None


class WaiverState(str, Enum):
    """What became of a waiver. Only IN_USE and NOT_JUDGED let a session end well."""

    IN_USE = "in use"
    EXPIRED = "expired"
    UNMATCHED = "unmatched"
    NOT_NEEDED = "not needed"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True)
class Entry:
    """A line of the ledger.

    Attributes:
        waiver: The waiver.
        state: What became of it.
        problem: Why the session fails because of it; None: it does not.
    """

    waiver: Waiver
    state: WaiverState
    problem: str | None = None


def read(path: Path) -> list[Waiver]:
    """Read a file of waivers: a YAML list.

    Args:
        path: The file.

    Returns:
        The waivers, one a rule.

    Raises:
        WaiverError: If it can't be read, or an entry is no waiver.
    """
    try:
        data = parse_yaml(read_text(path, YAML_BYTES))
    except InputError as error:
        raise WaiverError(f"{OPTION}={path}: {error}.") from error
    if data is None:
        return []
    if not isinstance(data, list):
        raise WaiverError(
            f"{OPTION}={path}: the file holds {type(data).__name__}, not a list of waivers. Begin "
            "each one with `- rule: ID`, and give its reason, its owner and the day it expires."
        )
    try:
        waivers = TypeAdapter(list[Waiver]).validate_python(data)
    except ValidationError as error:
        raise WaiverError(f"{OPTION}={path}: {_complaint(data, error)}") from error
    ids = [waiver.rule for waiver in waivers]
    if twice := sorted({rule for rule in ids if ids.count(rule) > 1}):
        raise WaiverError(f"{OPTION}={path}: {', '.join(twice)} is waived twice. Keep one entry.")
    return waivers


def _complaint(data: list[object], error: ValidationError) -> str:
    """Say what is wrong with which entry, with the value."""
    lines = []
    for problem in error.errors():
        number, *field = problem["loc"]
        entry = data[int(number)]
        rule = entry.get("rule") if isinstance(entry, dict) else None
        name = f" ({shown(rule)[1:-1]})" if isinstance(rule, str) else ""
        where = f"waiver {int(number) + 1}{name}"
        if problem["type"] == "missing":
            lines.append(f"{where} lacks `{field[0]}`")
        elif problem["type"] == "extra_forbidden":
            known = ", ".join(Waiver.model_fields)
            lines.append(
                f"{where} has the unknown field `{shown(field[0])[1:-1]}`; known are {known}"
            )
        else:
            value = shown(problem["input"])
            what = f"{field[0]}={value}" if field else value
            lines.append(f"{where}: {what}: {problem['msg'].removeprefix('Value error, ')}")
    return "; ".join(lines) + "."


def excuse(outcome: Outcome, waivers: Mapping[str, Waiver], today: date) -> Outcome:
    """Apply a rule's waiver.

    Args:
        outcome: What became of the rule.
        waivers: The waivers, by rule.
        today: The day.

    Returns:
        The outcome; WAIVED when it would be worse and a waiver that still counts excuses it.
    """
    waiver = waivers.get(outcome.rule)
    if waiver and outcome.status in EXCUSED and today <= waiver.expires:
        return replace(outcome, status=Status.WAIVED)
    return outcome


def ledger(waivers: Sequence[Waiver], outcomes: Mapping[str, Outcome], today: date) -> list[Entry]:
    """Say what became of each waiver.

    Args:
        waivers: The waivers.
        outcomes: What became of the rules, after `excuse`.
        today: The day.

    Returns:
        An entry for each.
    """
    return [_entry(waiver, outcomes.get(waiver.rule), today) for waiver in waivers]


def _entry(waiver: Waiver, outcome: Outcome | None, today: date) -> Entry:
    rule = waiver.rule
    if rule not in RULES:
        near = difflib.get_close_matches(rule, RULES, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        return Entry(waiver, WaiverState.UNMATCHED, f"the waiver for {rule} matches no rule.{hint}")
    if today > waiver.expires:
        return Entry(
            waiver,
            WaiverState.EXPIRED,
            f"the waiver for {rule} expired on {waiver.expires}: fix what breaks it, or have "
            f"{waiver.owner} renew it.",
        )
    if outcome is None or outcome.status in (Status.NOT_SEEN, Status.NOT_REACHED):
        return Entry(waiver, WaiverState.NOT_JUDGED)
    if outcome.status is Status.WAIVED:
        return Entry(waiver, WaiverState.IN_USE)
    what = "holds" if outcome.status is Status.PASSED else "can't apply"
    return Entry(
        waiver,
        WaiverState.NOT_NEEDED,
        f"the waiver for {rule} is not needed: the rule {what}. Remove it.",
    )
