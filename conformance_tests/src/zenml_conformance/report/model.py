"""What a report says: the content of `report.json`.

Every other form of a report is drawn from this one, and `report.schema.json` is its JSON Schema.
It is meant to be published: it holds no environments, no command lines of jobs and no logs.
"""

from __future__ import annotations

from datetime import date, datetime, timezone
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from zenml_conformance.contract.claims import Shown
from zenml_conformance.contract.rule import Level, Profile, Status, Tier
from zenml_conformance.errors import InputError
from zenml_conformance.inputs import parse_json, printable, read_text, shown
from zenml_conformance.judging.verdict import Kind
from zenml_conformance.judging.waivers import WaiverState
from zenml_conformance.prove.proof import Catch


class ReportError(InputError):
    """A file is no report. The message says why."""


def _utc(time: datetime) -> datetime:
    try:
        return time.astimezone(timezone.utc)
    except OverflowError as error:
        raise ValueError("there is no such time in UTC") from error


Words = Annotated[str, AfterValidator(printable)]
"""What others may have written, and terminals are to show."""

Time = Annotated[AwareDatetime, AfterValidator(_utc)]
"""A moment, and no clock of some place: reports from anywhere are put in order by it."""


class Part(BaseModel):
    """A part of a report. What a later suite adds is not looked at."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Subject(Part):
    """The orchestrator that was judged."""

    name: Words = Field(description="Import path of the implementation.")
    flavor: Words
    distribution: str | None = Field(None, description="The Python distribution that has it.")
    version: Words | None = Field(None, description="The distribution's version.")
    harness: str = Field(description="How the fake backend was connected.")
    tier: Tier = Field(description="What its runs ran on.")
    store: Literal["sqlite", "server"] = Field(
        "sqlite", description="What ZenML's store was: a file, or a ZenML server."
    )

    @property
    def ran_on(self) -> str:
        """What its runs ran on, in words."""
        return f"{self.tier.value} tier{', on a ZenML server' if self.store == 'server' else ''}"


class Environment(Part):
    """What it was judged with."""

    suite: str = Field(description="Version of zenml-conformance.")
    zenml: str
    python: str
    platform: str


class Standing(Part):
    """What the rules of one profile, or of all profiles, add up to."""

    kind: Kind
    label: Words = Field(
        description="The kind in words, with the waivers or the selection that it rests on."
    )
    reason: str
    musts: int = Field(description="How many MUST rules were to be judged.")
    held: int = Field(description="How many of them hold.")
    inapplicable: int = Field(description="How many of them can't apply.")

    @property
    def tally(self) -> str:
        """How many MUST rules hold, of those that apply."""
        return f"{self.held} of {self.musts - self.inapplicable}"


class ProfileStanding(Standing):
    """What the rules of one profile add up to."""

    profile: Profile


class ClaimRow(Part):
    """A capability, as declared and as shown."""

    capability: str
    declared: bool
    shown: Shown
    detail: str = ""


class RuleResult(Part):
    """A rule, and what became of it."""

    id: Words
    level: Level
    profile: Profile
    capability: str | None
    area: str
    title: str
    why: str
    fix: str
    since: str
    scenarios: list[str]
    status: Status
    detail: str = Field(description="What was seen, or why nothing was.")
    blocked_by: str | None = None
    tier: Tier | None = Field(None, description="What it was shown on; null: nothing was shown.")


class WaiverRow(Part):
    """A line of the ledger of waivers."""

    rule: str
    reason: str
    owner: str
    expires: date
    issue: str | None = None
    state: WaiverState
    problem: str | None = Field(None, description="Why the session fails because of it.")


class Change(Part):
    """What is different from an earlier report. All lists are of rule ids."""

    since: Time = Field(description="When the earlier report was made.")
    suite: str = Field(description="The suite's version then.")
    fixed: list[str]
    broken: list[str] = Field(description="Regressions: not broken then, not in order now.")
    new: list[str] = Field(description="Judged now, and not then.")
    gone: list[str] = Field(description="Judged then, and not now.")


class ProofRow(Part):
    """A fault that was put into the orchestrator, to see whether its rule notices."""

    rule: str
    fault: str
    catch: Catch
    detail: str = Field(description="What the rule said of it, or why it was not run.")


class ProofReport(Part):
    """What `--prove` has shown of the MUST rules. All lists but the rows are of rule ids."""

    rows: list[ProofRow]
    hold: list[str] = Field(description="Those that hold, and were to be shown to bite.")
    bite: list[str] = Field(description="Those of them that do.")
    unshown: list[str] = Field(description="Those whose faults can't be run here.")


class Bar(Part):
    """A stretch of time in a timeline, in seconds after the scenario's begin."""

    kind: Literal["client", "call", "queued", "running", "step"]
    begin: float
    end: float | None = Field(description="null: no end was seen.")
    text: str


class Lane(Part):
    """A line of a timeline: a client, or a job with the step that it runs."""

    label: str
    note: str
    ended_well: bool | None = Field(description="null: nobody can say.")
    bars: list[Bar]


class RunRow(Part):
    """A run in ZenML's store at the end of a scenario."""

    pipeline: str
    status: str
    in_progress: bool
    steps: list[str] = Field(description="Each version of each step, with its status.")


class ScenarioReport(Part):
    """What happened in a scenario."""

    name: str
    tier: Tier = Field(description="What it ran on.")
    description: str
    broken: bool = Field(description="It could not be run to its end.")
    seconds: float
    lanes: list[Lane]
    runs: list[RunRow]
    rules: list[str] = Field(description="The rules that look at it.")


class Report(Part):
    """A conformance report of one ZenML orchestrator."""

    model_config = ConfigDict(title="A conformance report of a ZenML orchestrator")

    format: Literal["zenml-conformance-report"] = "zenml-conformance-report"
    format_version: Literal[1] = 1
    created: Time
    command: str = Field(description="What judges it again. Configured values are left out.")
    subject: Subject
    environment: Environment
    scope: list[Profile] = Field(description="The profiles that were to be judged.")
    verdict: Standing
    profiles: list[ProfileStanding]
    problems: list[str] = Field(description="Why the session failed; empty: it did not.")
    claims: list[ClaimRow]
    rules: list[RuleResult] = Field(description="Every rule that was judged.")
    left_out: list[str] = Field(description="Rules of this suite that were not.")
    waivers: list[WaiverRow]
    change: Change | None = None
    proof: ProofReport | None = Field(None, description="null: nothing was to be proved.")
    scenarios: list[ScenarioReport]

    def with_status(self, *statuses: Status) -> list[RuleResult]:
        """List the rules of some statuses.

        Args:
            *statuses: The statuses.

        Returns:
            The rules, in the order of the specification.
        """
        return [rule for rule in self.rules if rule.status in statuses]

    def result(self, rule_id: str) -> RuleResult | None:
        """Look a rule up.

        Args:
            rule_id: The rule.

        Returns:
            What became of it; None: it was not judged.
        """
        return next((rule for rule in self.rules if rule.id == rule_id), None)


def read(path: Path) -> Report:
    """Read a `report.json`.

    Args:
        path: The file.

    Returns:
        The report.

    Raises:
        ReportError: If it can't be read, or is no report.
    """
    try:
        return Report.model_validate(parse_json(read_text(path)))
    except InputError as error:
        raise ReportError(f"{path} is no report of this suite: {error}.") from error
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"])) or "its content"
        raise ReportError(
            f"{path} is no report of this suite: {where}={shown(problem['input'])}: "
            f"{problem['msg'].removeprefix('Value error, ')}. A report is the "
            "`report.json` that --conformance-report writes."
        ) from error
