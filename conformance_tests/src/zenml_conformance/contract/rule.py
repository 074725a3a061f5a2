"""What a rule is: data and one short function."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from zenml_conformance.context.not_seen import NotSeen as NotSeen
from zenml_conformance.target.capability import Capability as Capability


class Violation(Exception):
    """Raised by a rule that is broken: the message says what was seen, with the values."""


class NotApplicable(Exception):
    """Raised by a rule that this orchestrator can't break: the message says why."""


class Level(str, Enum):
    """How much a rule matters.

    MUST: breaking it leaves wrong or stuck records, or loses data. SHOULD: work degrades, or a
    secret is exposed.
    """

    MUST = "MUST"
    SHOULD = "SHOULD"


MUST, SHOULD = Level.MUST, Level.SHOULD


class Profile(str, Enum):
    """A part of the contract that can be claimed by itself.

    STATIC: pipelines whose DAG is known at submission. PROCESSES: what a step's process is, which
    only the orchestrator's own backend shows. SERVER: runs whose store is a ZenML server. DYNAMIC:
    pipelines that are code, with inline and isolated steps. RESOURCES: what steps ask for reaches
    their jobs. OPERATIONS: runs are refreshed and stopped. SCHEDULING: runs fire by themselves.
    """

    STATIC = "static"
    PROCESSES = "processes"
    SERVER = "server"
    DYNAMIC = "dynamic"
    RESOURCES = "resources"
    OPERATIONS = "operations"
    SCHEDULING = "scheduling"


FAKE_PROCESSES = (
    "the suite's fake backend starts the processes; judge it with --conformance-tier=live"
)
"""Why what a step's process is can't be said of an orchestrator on the fake backend."""

NO_SERVER = "only a server of the suite's own shows it; judge it with --conformance-store=server"
"""Why what a ZenML server asks of an orchestrator can't be said of one with another store."""

NO_BACKEND = "the steps ran in the client's own process: there is no backend to look at"
"""Why what jobs show is `NotApplicable` to some orchestrators."""


@dataclass(frozen=True)
class Rule:
    """A rule of the contract.

    Attributes:
        id: Frozen for ever.
        level: How much it matters.
        title: What must hold, as a sentence.
        why: What breaks in ZenML otherwise.
        fix: How to fix it.
        area: The module it stands in, in words.
        scenarios: Whose evidence the check takes, in the order of its parameters.
        requires: Rules without which this one can't be judged.
        needs_jobs: Whether the check can do nothing without jobs, which only the fake backend
            shows: elsewhere nothing is run for it.
        needs_own_backend: Whether it is about what the orchestrator's own backend starts, so that
            nothing is run for it on the fake backend.
        needs_server: Whether it is about runs whose store is a ZenML server, so that nothing is
            run for it where the store is a file.
        profile: The part of the contract that it belongs to.
        capability: What an orchestrator must declare for the rule to apply; None: it always does.
        since: The suite's version that brought it.
        check: The check.
    """

    id: str
    level: Level
    title: str
    why: str
    fix: str
    area: str
    scenarios: tuple[str, ...]
    requires: tuple[str, ...]
    needs_jobs: bool
    needs_own_backend: bool
    needs_server: bool
    profile: Profile
    capability: Capability | None
    since: str
    check: Callable[..., None]


STEPS_RUN = ("DAG-2",)
"""What most rules require: where steps do not run, nothing can be said of what they would show."""

RULES: dict[str, Rule] = {}
"""Every rule, by id, in the order of the specification."""


def rule(
    id: str,
    level: Level,
    *,
    requires: tuple[str, ...] = STEPS_RUN,
    needs_jobs: bool = False,
    needs_own_backend: bool = False,
    needs_server: bool = False,
    profile: Profile = Profile.STATIC,
    capability: Capability | None = None,
    since: str = "0.1",
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a rule of a function.

    The types of the function's parameters say which scenarios' evidence it takes. Its docstring is
    the rule's page: the sentence that must hold, then `Why:` and `Fix:` paragraphs.

    Args:
        id: The rule's id.
        level: How much it matters.
        requires: Ids of rules without which this one can't be judged.
        needs_jobs: Whether the check can do nothing without jobs.
        needs_own_backend: Whether the fake backend can't show what it is about.
        needs_server: Whether a store that is a file can't.
        profile: The part of the contract that it belongs to.
        capability: What must be declared for the rule to apply.
        since: The suite's version that brings it.

    Returns:
        A decorator that registers the function and leaves it as it is.

    Raises:
        ValueError: If the id is taken, or the docstring lacks a part.
        TypeError: If a parameter's type is no scenario's evidence.
    """

    def register(check: Callable[..., None]) -> Callable[..., None]:
        if id in RULES:
            raise ValueError(f"two rules are called {id}")
        title, why, fix = _parts(id, inspect.getdoc(check) or "")
        RULES[id] = Rule(
            id=id,
            level=level,
            title=title,
            why=why,
            fix=fix,
            area=check.__module__.rpartition(".")[2].replace("_", " "),
            scenarios=_scenarios(id, check),
            requires=requires,
            needs_jobs=needs_jobs,
            needs_own_backend=needs_own_backend,
            needs_server=needs_server,
            profile=profile,
            capability=capability,
            since=since,
            check=check,
        )
        return check

    return register


def _scenarios(id: str, check: Callable[..., None]) -> tuple[str, ...]:
    kinds = typing.get_type_hints(check)
    scenarios = []
    for parameter in inspect.signature(check).parameters:
        kind = kinds.get(parameter)
        # `scenario` gives a class of evidence the name of what leaves it; its subclasses have none.
        name = vars(kind).get("SCENARIO") if isinstance(kind, type) else None
        if name is None:
            raise TypeError(f"rule {id}: the type of {parameter!r} is no scenario's evidence")
        scenarios.append(name)
    return tuple(scenarios)


def _parts(id: str, docstring: str) -> tuple[str, str, str]:
    match = re.fullmatch(r"(.+?)\n\s*\nWhy: (.+?)\n\s*\nFix: (.+)", docstring, re.DOTALL)
    if not match:
        raise ValueError(f"rule {id}: its docstring needs a sentence, then `Why:`, then `Fix:`")
    title, why, fix = (" ".join(part.split()) for part in match.groups())
    return title, why, fix


class Status(str, Enum):
    """What became of a rule.

    WAIVED: it does not hold, and a waiver excuses that. NOT_REACHED: the session's budget of time
    was spent before its evidence was there.
    """

    PASSED = "passed"
    FAILED = "failed"
    BLOCKED = "blocked"
    WAIVED = "waived"
    NOT_APPLICABLE = "not applicable"
    NOT_SEEN = "not seen"
    NOT_REACHED = "not reached"
    ERROR = "error"

    @property
    def word(self) -> str:
        """What is said of a rule with this status: "SUB-1 …"."""
        words = {"passed": "holds", "failed": "broken", "not applicable": "can't apply"}
        return words.get(self.value, self.value)


class Tier(str, Enum):
    """What a rule was shown on.

    STATIC: classes and configuration, without a run. SIMULATED: the suite's fake backend.
    LIVE: the orchestrator's own backend.
    """

    STATIC = "static"
    SIMULATED = "simulated"
    LIVE = "live"


@dataclass(frozen=True)
class Outcome:
    """A rule's result.

    Attributes:
        rule: The rule's id.
        status: What became of it.
        detail: What was seen, or why nothing was.
        blocked_by: The rule at the root, when blocked.
        tier: What it was shown on; None: nothing was shown.
    """

    rule: str
    status: Status
    detail: str = ""
    blocked_by: str | None = None
    tier: Tier | None = None

    def to_dict(self) -> dict[str, Any]:
        """Make it fit for a report that crosses processes."""
        return {
            "rule": self.rule,
            "status": self.status.value,
            "detail": self.detail,
            "blocked_by": self.blocked_by,
            "tier": self.tier and self.tier.value,
        }

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Outcome:
        """Undo `to_dict`.

        Args:
            data: What it returned.

        Returns:
            The outcome.
        """
        tier = data.get("tier")
        return Outcome(
            **{**data, "status": Status(data["status"]), "tier": Tier(tier) if tier else None}
        )
