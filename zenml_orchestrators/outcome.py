"""What the suite said of an orchestrator, without what the rules themselves say."""

from __future__ import annotations

import json
import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from zenml_conformance.contract.rule import Outcome, Status, Tier
from zenml_conformance.contract.rules import RULES
from zenml_conformance.errors import InputError
from zenml_conformance.inputs import parse_json, read_text
from zenml_conformance.judging.description import Description
from zenml_conformance.judging.verdict import reach
from zenml_conformance.report.model import Environment, Report, Time, Words
from zenml_conformance.session import report as build
from zenml_conformance.session.result import Result

DIRECTORY = Path(__file__).parent / "outcomes"
"""A folder for each minor version of ZenML, with a file for each orchestrator."""

DISTRIBUTION = "zenml"
PATH = re.compile(r"(/[\w.-]+){3,}")


class OutcomesError(InputError):
    """A file holds no outcomes. The message says why."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RuleOutcome(_Part):
    """What became of a rule.

    Attributes:
        status: Its status.
        tier: What it was shown on; None: nothing was shown.
        blocked_by: The rule at the root, when blocked.
        seen: What was seen, or why nothing was.
    """

    status: Status
    tier: Tier | None = None
    blocked_by: Words | None = None
    seen: Words = ""


class Versions(_Part):
    """What judged, and what was judged, which has ZenML's version."""

    zenml: Words
    suite: Words
    python: Words


class Outcomes(_Part):
    """What the suite said of an orchestrator.

    Attributes:
        flavor: The orchestrator's flavor.
        implementation: Import path of the orchestrator's class.
        tier: What its runs ran on.
        versions: What judged, and what was judged.
        judged: When.
        command: What judges it again.
        left_out: Rules of the suite that were not judged.
        rules: What became of the others, by id.
    """

    flavor: Words
    implementation: Words
    tier: Tier
    versions: Versions
    judged: Time
    command: Words
    left_out: list[str]
    rules: dict[str, RuleOutcome]

    @model_validator(mode="after")
    def _is_of_known_rules(self) -> Outcomes:
        roots = {rule.blocked_by for rule in self.rules.values() if rule.blocked_by}
        if unknown := {*self.rules, *self.left_out, *roots} - set(RULES):
            raise ValueError(f"there are no rules {', '.join(sorted(unknown))}")
        return self

    @property
    def path(self) -> Path:
        """Where they are kept."""
        minor = ".".join(self.versions.zenml.split(".")[:2])
        return DIRECTORY / minor / f"{self.flavor}.json"

    def write(self) -> None:
        """Keep them, a line a rule."""
        head = self.model_dump(mode="json", exclude={"rules"})
        lines = [f" {_json(name)}: {_json(value)}" for name, value in head.items()]
        rules = [
            f"  {_json(rule)}: {_json(outcome.model_dump(mode='json', exclude_defaults=True))}"
            for rule, outcome in sorted(self.rules.items(), key=lambda item: _number(item[0]))
        ]
        lines.append(' "rules": {\n' + ",\n".join(rules) + "\n }")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8", newline="\n")

    def joined(self, others: Outcomes) -> Outcomes:
        """Join them with those of the rules that were left out here, and judged elsewhere.

        Args:
            others: The same orchestrator's.

        Returns:
            All of them.
        """
        rules = {rule: others.rules[rule] for rule in self.left_out if rule in others.rules}
        return self.model_copy(
            update={
                "command": f"{self.command} && {others.command}",
                "left_out": [rule for rule in self.left_out if rule not in rules],
                "rules": {**self.rules, **rules},
            }
        )

    def report(self) -> Report:
        """Join them with what the rules say.

        Returns:
            The report, without what was not kept: claims, and the timelines of scenarios.
        """
        outcomes = {
            rule: Outcome(rule, seen.status, seen.seen, seen.blocked_by, seen.tier)
            for rule, seen in self.rules.items()
        }
        # Rules that the suite did not have yet do not count.
        had = [rule for rule in RULES.values() if rule.id in {*self.rules, *self.left_out}]
        drawn = build.report(
            Result(reach(outcomes, rules=had, selected=outcomes), [], [], None, []),
            Description(
                flavor=self.flavor,
                orchestrator=self.implementation,
                distribution=DISTRIBUTION,
                version=self.versions.zenml,
                harness="",
                connected=self.tier is Tier.SIMULATED,
                capabilities=[],
                zenml=self.versions.zenml,
            ),
            self.command,
            scenarios=[],
        )
        return drawn.model_copy(
            update={
                "created": self.judged,
                "environment": Environment(**self.versions.model_dump(), platform=""),
                "subject": drawn.subject.model_copy(update={"tier": self.tier}),
                "left_out": self.left_out,
            }
        )


def of(report: Report, tier: Tier) -> Outcomes:
    """Take from a report what the rules don't say, and nothing of the machine that judged.

    Args:
        report: The report.
        tier: What the runs ran on.

    Returns:
        The outcomes.
    """
    return Outcomes(
        flavor=report.subject.flavor,
        implementation=report.subject.name,
        tier=tier,
        versions=Versions.model_validate(
            report.environment.model_dump(include=set(Versions.model_fields))
        ),
        judged=report.created,
        command=report.command,
        left_out=sorted(report.left_out, key=_number),
        rules={
            rule.id: RuleOutcome(
                status=rule.status,
                tier=rule.tier,
                blocked_by=rule.blocked_by,
                # That a blocked rule waits for another one is all there is to say of it.
                seen="" if rule.blocked_by else PATH.sub("…", rule.detail),
            )
            for rule in report.rules
        },
    )


def read(path: Path) -> Outcomes:
    """Read outcomes that were kept.

    Args:
        path: The file.

    Returns:
        The outcomes.

    Raises:
        OutcomesError: If it can't be read, or holds something else.
    """
    try:
        found = Outcomes.model_validate(parse_json(read_text(path)))
    except ValidationError as error:
        raise OutcomesError(f"{path} holds no outcomes: {error}") from error
    except InputError as error:
        raise OutcomesError(f"{path} holds no outcomes: {error}.") from error
    if found.path != path:
        raise OutcomesError(f"{path} holds the outcomes that belong into {found.path}.")
    return found


def newest() -> list[Outcomes]:
    """Read the outcomes of each orchestrator, of the newest ZenML that it was judged with."""
    folders = sorted(
        DIRECTORY.iterdir(), key=lambda folder: tuple(map(int, folder.name.split(".")))
    )
    paths = {path.name: path for folder in folders for path in folder.glob("*.json")}
    return [read(path) for path in paths.values()]


def _number(rule_id: str) -> tuple[str, int]:
    area, _, number = rule_id.rpartition("-")
    return area, int(number)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
