"""What a scenario leaves behind. Rules look at nothing else."""

from __future__ import annotations

import base64
import json
import os
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zenml_conformance.context.not_seen import NotSeen
from zenml_conformance.errors import InputError
from zenml_conformance.fake_backend.jobs import Job, JobRecord, ScheduleRecord
from zenml_conformance.harness import RecordedResources
from zenml_conformance.inputs import parse_json, printable, read_text


def masked(environment: Mapping[str, str]) -> dict[str, str]:
    """Keep the names of all variables, and the values only of the suite's own.

    Evidence is kept in files; a user's secrets must not be.

    Args:
        environment: An environment.

    Returns:
        The same names; `""` for every value that is not the suite's.
    """
    return {k: v if k.startswith("CONFORMANCE_") else "" for k, v in environment.items()}


class Written(BaseModel):
    """What one process writes down and another one reads."""

    def write(self, path: Path) -> None:
        """Write to a file. The judged may have said what is no text: that is replaced.

        Args:
            path: The file; it becomes visible complete or not at all.
        """
        partial = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        text = json.dumps(self._as_json(), ensure_ascii=False)
        partial.write_bytes(text.encode(errors="replace"))
        partial.replace(path)

    def _as_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    @classmethod
    def read(cls: type[T], path: Path) -> T:
        """Read what `write` wrote, or what stands in its place.

        Args:
            path: The file.

        Returns:
            What is in it.

        Raises:
            InputError: If it can't be read.
        """
        try:
            return cls.model_validate(parse_json(read_text(path)))
        except ValidationError as error:
            raise InputError(f"{path} is not what it should be: {error}") from error


T = TypeVar("T", bound=Written)


class Raised(BaseModel):
    """An exception, as far as it survives a process boundary."""

    type: str
    message: str

    @classmethod
    def of(cls, error: BaseException) -> Raised:
        """Keep of an exception what can be kept.

        Args:
            error: The exception.

        Returns:
            Its type and its message.
        """
        return cls(type=type(error).__name__, message=printable(str(error)))

    def __str__(self) -> str:
        """Name it in a message."""
        return f"{self.type}: {self.message}"


class Done(Written):
    """What an action of `context.operator` gave or raised in a process of its own."""

    gave: Any = None
    raised: Raised | None = None


class Call(BaseModel):
    """One call of a method that submits, seen from outside.

    Times are seconds of the machine's monotonic clock, as everywhere in the evidence.
    """

    began: float
    returned_at: float | None = None
    returned: str | None = None
    raised: Raised | None = None
    placeholder: str | None
    snapshot: str
    run_id_at_return: str | None = None
    steps_ended_at_return: list[str] | None = None
    """None: there was no placeholder run to look at, or no return."""
    steps: dict[str, list[str]]
    step_environments: dict[str, dict[str, str]]
    environment: dict[str, str] | None = None
    """Of the orchestration environment; None: the pipeline is not dynamic."""
    deprecated: bool = False
    """It is `prepare_or_run_pipeline`, which is given no environments of the steps' own."""
    metadata: dict[str, str] = Field(default_factory=dict)
    """The keys of the returned metadata, with the types of their values."""
    changed: list[str] = Field(default_factory=list)
    """What of the caller's state was different afterwards."""
    logged: list[str] = Field(default_factory=list)
    """Warnings that were logged meanwhile, each with the exception that came with it."""


class Submission(Written):
    """A client process that ran a pipeline."""

    label: str
    pid: int
    began: float
    ended: float | None = None
    exit_code: int | None = None
    overdue: bool = False
    """It did not end in time, and was killed."""
    raised: Raised | None = None
    run: str | None = None
    """Id of the run that ZenML reported to the client."""
    calls: list[Call] = Field(default_factory=list)


class Access(BaseModel):
    """What a process can log in to ZenML's server with.

    Attributes:
        token: Whose token it has, as `holder` says; None: it has none.
        others: The variables that hold what outlives any token: a key, a password.
    """

    token: str | None = None
    others: list[str] = Field(default_factory=list)

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Access:
        """Look at an environment (`zenml.config.global_config`).

        Args:
            environment: The environment.

        Returns:
            What is in it.
        """
        token = environment.get("ZENML_STORE_API_TOKEN")
        lasting = ("ZENML_STORE_API_KEY", "ZENML_STORE_PASSWORD")
        return cls(
            token=holder(token) if token else None,
            others=[name for name in lasting if name in environment],
        )


def holder(token: str) -> str:
    """Say whose token it is (`zenml.zen_server.jwt.JWTToken`); it is not verified.

    Args:
        token: What a ZenML server gave out.

    Returns:
        `run ID`, `schedule ID` or the like; `user`: it does what the user may do.
    """
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        claims = None
    if not isinstance(claims, dict):
        return "nobody that ZenML knows"
    for kind in ("pipeline_run", "schedule", "deployment"):
        if claims.get(f"{kind}_id"):
            return f"{kind.removeprefix('pipeline_')} {claims[f'{kind}_id']}"
    return "user"


class Probe(Written):
    """What a step saw of its process."""

    step: str
    run: str
    pid: int
    pid_namespace: int = 0
    """In which the id is that of one process only."""
    began: float
    ended: float | None = None
    main_thread: bool
    met: bool | None = None
    """Whether a parallel step was seen running; None: this step looks for none."""
    environment_at_start: dict[str, str]
    """When the step's module was imported: before ZenML applies anything itself. Masked, as
    every environment here."""
    environment_at_run: dict[str, str]
    metadata_hook: dict[str, str] | str | None = None
    """Keys and value types of `get_pipeline_run_metadata` in the step's process, or what it
    raised; None: this step did not ask."""
    access: Access = Field(default_factory=Access)
    """What the process could log in to ZenML's server with, when it was started."""
    token_in_commands: list[str] | None = None
    """Which command lines had the step's token in them, of its process and of those above it, by
    the names of the programs; None: it has no token."""


class StepRecord(BaseModel):
    """A step run in ZenML's store."""

    name: str
    version: int
    status: str
    reason: str | None = None
    """What its record says about why it failed."""
    started: float | None = None
    """By the clock of ZenML's records, as `ended`."""
    ended: float | None = None
    outputs: dict[str, str | None] = Field(default_factory=dict)
    """Each output, with the error that loading it raised, if any."""
    user: str | None = None
    """Whose record it is: that of the user the step's process was logged in as."""


class RunRecord(BaseModel):
    """A pipeline run in ZenML's store, with every version of its steps."""

    id: str
    pipeline: str
    snapshot: str | None
    status: str
    in_progress: bool
    orchestrator_run_id: str | None
    metadata: dict[str, str] = Field(default_factory=dict)
    steps: list[StepRecord] = Field(default_factory=list)

    def step(self, name: str) -> StepRecord | None:
        """The latest version of a step.

        Args:
            name: Its invocation id.

        Returns:
            The record; None when the step was never recorded.
        """
        versions = [s for s in self.steps if s.name == name]
        return max(versions, key=lambda s: s.version) if versions else None

    def status_of(self, name: str) -> str:
        """The status of a step, in words.

        Args:
            name: Its invocation id.

        Returns:
            Its latest version's status, or `never recorded`.
        """
        step = self.step(name)
        return step.status if step else "never recorded"

    @property
    def in_words(self) -> str:
        """Its status and that of its steps, for messages."""
        steps = ", ".join(f"{step.name} {step.status}" for step in self.steps)
        return f"{self.status!r} ({steps or 'no step recorded'})"


class Exposure(BaseModel):
    """A place where a secret was found."""

    what: str
    where: str
    detail: str

    def __str__(self) -> str:
        """Name it in a message."""
        return f"{self.what} in a {self.where} ({self.detail})"


class Cost(BaseModel):
    """What running a scenario took.

    Attributes:
        seconds: From its beginning to its end.
        cpu_seconds: Of all its processes, as far as the engine started them; 0 where it did not.
        processes: How many the engine started.
    """

    seconds: float
    cpu_seconds: float = 0.0
    processes: int = 0


class UnderClaim(BaseModel):
    """Something that works, or is there, and is not declared."""

    capability: str
    detail: str


Levels = dict[str, str | int]
"""The value of a setting on each level."""


class StepLog(BaseModel):
    """What ZenML has of what a step has printed; what reading it raised, if there is none."""

    text: str | None = None
    raised: str | None = None


class Attempt(BaseModel):
    """What a call gave or raised, in words."""

    gave: str | None = None
    raised: str | None = None


class RoundTrip(BaseModel):
    """What becomes of a configuration in ZenML's store.

    Attributes:
        changed: Fields whose value is another one afterwards, with both.
        raised: What went wrong instead.
        init: What making the instance did to the world outside.
    """

    changed: dict[str, tuple[str, str]] = Field(default_factory=dict)
    raised: str | None = None
    init: list[str] = Field(default_factory=list)


class Imported(BaseModel):
    """What importing a flavor brought along; see `context.imports.imported`."""

    implementation: str
    too_early: bool
    packages: list[str]


class Standing(BaseModel):
    """How a run was in ZenML's store at some moment."""

    status: str
    in_progress: bool
    steps: dict[str, str] = Field(default_factory=dict)
    """The status of each step that was recorded."""


class Told(BaseModel):
    """What `fetch_status` returned, in words."""

    run: str | None
    steps: dict[str, str | None]


class Asked(BaseModel):
    """What a process of its own was told of a run, and what asking and refreshing it raised."""

    gave: Told | None = None
    asking_raised: Raised | None = None
    refreshing_raised: Raised | None = None

    @property
    def told(self) -> Told:
        """What it was told.

        Raises:
            NotSeen: If asking raised.
        """
        if self.gave is None:
            raise NotSeen(f"asking for the run's status raised {self.asking_raised}")
        return self.gave


class Refresh(Asked, Standing):
    """The same, and how the run was once it was refreshed."""


class Answer(BaseModel):
    """What a method about an isolated step said.

    Attributes:
        method: The method.
        step: The step.
        status: How the step was in ZenML's store just before.
        gave: The returned status, in a word.
        raised: What was raised instead.
    """

    method: str
    step: str
    status: str
    gave: str | None = None
    raised: str | None = None

    def __str__(self) -> str:
        """Say what was said."""
        return f"raised {self.raised}" if self.raised else f"gave {self.gave!r}"


class Answers(BaseModel):
    """What a process that has submitted nothing was told of isolated steps at some moment.

    Attributes:
        answers: In the order of the questions; as far as it got.
        raised: Why it got no further.
        states: How their jobs were, by step.
    """

    answers: list[Answer]
    raised: Raised | None
    states: dict[str, str]


ONLY_JOBS = "only jobs show it, and only the fake backend shows jobs"


ONLY_SERVERS = "only a ZenML server shows it, and there was none"


def unseen(what: str) -> Any:
    """Make a field of evidence that a scenario may not come to fill.

    Args:
        what: What was not seen then. Touching the field raises `NotSeen` with these words.

    Returns:
        The field's default.
    """
    return Field(default=None, json_schema_extra={"unseen": what})


class Evidence(Written):
    """All that is known of one scenario.

    Each scenario has a subclass, with a field for each thing that only it notes. A field that is
    made with `unseen` has the type that it has once it is filled: a rule that touches it before
    ends with `NotSeen`, and need not ask.

    Attributes:
        SCENARIO: The name of the scenario that leaves it; none: no scenario does.
        scenario: The scenario's name.
        simulated: The fake backend took the place of the orchestrator's own.
        own_server: Clients and jobs talked to a ZenML server of the scenario's own.
        broken: Why the scenario could not be run to its end; None: it was.
        submissions: The client processes, in order.
        runs: Every run in the scenario's store at the end.
        unreadable: Why ZenML can't read the runs in its own store; None: it can.
        gave_up: Why a run's end was waited for no longer; None: it has ended, or all jobs have.
        runs_before_refresh: The same before `refresh_run_status`; empty: no refresh was needed.
        refresh: What refreshing raised.
        jobs: What the fake backend was asked to run.
        refused: What it refused.
        schedules: The schedules that it was asked to keep.
        recorded: What the orchestrator's own backend has on record of steps' jobs, by step.
        overdue_jobs: Jobs that had to be killed at the end.
        last_words: The end of the log of each job that failed, by its id.
        probes: What the steps saw.
        exposures: Where a secret was found.
        under_claims: What was found to work without being declared.
        cost: What running it took.
    """

    # It is validated where it is read, and most processes that import it read none.
    model_config = ConfigDict(defer_build=True)

    SCENARIO: ClassVar[str]

    scenario: str
    simulated: bool
    own_server: bool = False
    broken: str | None = None
    submissions: list[Submission] = Field(default_factory=list)
    runs: list[RunRecord] = Field(default_factory=list)
    unreadable: str | None = None
    gave_up: str | None = None
    runs_before_refresh: list[RunRecord] = Field(default_factory=list)
    refresh: Raised | None = None
    jobs: list[JobRecord] = unseen(ONLY_JOBS)
    refused: list[Job] = unseen(ONLY_JOBS)
    schedules: list[ScheduleRecord] = unseen(ONLY_JOBS)
    recorded: dict[str, RecordedResources] = unseen(
        "only jobs show it, and nothing reads what its own backend has on record"
    )
    overdue_jobs: list[str] = unseen(ONLY_JOBS)
    last_words: dict[str, str] = Field(default_factory=dict, repr=False)
    probes: list[Probe] = Field(default_factory=list)
    exposures: list[Exposure] = Field(default_factory=list)
    under_claims: list[UnderClaim] = Field(default_factory=list)
    cost: Cost | None = None

    if not TYPE_CHECKING:  # A type checker would take it for leave to touch anything.

        def __getattribute__(self, name: str) -> Any:
            """Give what was seen.

            Raises:
                NotSeen: If a field has not been filled that was made with `unseen`.
            """
            value = super().__getattribute__(name)
            if value is None and (what := type(self)._unseen(name)):
                raise NotSeen(what)
            return value

    @classmethod
    def _unseen(cls, name: str) -> str | None:
        field = cls.model_fields.get(name)
        extra = field.json_schema_extra if field else None
        return str(extra["unseen"]) if isinstance(extra, dict) else None

    def shows(self, name: str) -> bool:
        """Say whether a field was filled.

        Args:
            name: A field that is made with `unseen`.

        Returns:
            Whether touching it gives something.
        """
        return self.__dict__[name] is not None

    def _as_json(self) -> dict[str, Any]:
        unfilled = {name for name in self.__dict__ if self._unseen(name) and not self.shows(name)}
        return self.model_dump(mode="json", exclude=unfilled)

    @property
    def run(self) -> RunRecord | None:
        """The run of the first submission."""
        if not self.runs:
            return None
        first = self.submissions[0] if self.submissions else None
        # A client that raised while it waited does not know its run; ZenML had prepared it.
        known = [first.run, *(call.placeholder for call in first.calls)] if first else []
        return next((run for run in self.runs if run.id in known), self.runs[0])

    @property
    def at_the_end(self) -> str:
        """When the runs were read, in words."""
        return f"when {self.gave_up or 'every process was gone'}"

    @property
    def calls(self) -> list[Call]:
        """Every call of `submit_pipeline`, in order."""
        return [call for submission in self.submissions for call in submission.calls]

    @property
    def call(self) -> Call:
        """The first of them.

        Raises:
            NotSeen: If there was none.
        """
        if not self.calls:
            raised = next((s.raised for s in self.submissions if s.raised), None)
            because = f": the client raised {raised}" if raised else ""
            raise NotSeen(f"ZenML never came to call submit_pipeline{because}")
        return self.calls[0]

    @property
    def returned_call(self) -> Call:
        """The same, once it is over.

        Raises:
            NotSeen: If it never was.
        """
        if self.call.returned_at is None:
            raise NotSeen("submission never returned")
        return self.call

    @property
    def logged(self) -> list[str]:
        """Every warning that was logged during these calls, in order."""
        return [message for call in self.calls for message in call.logged]

    @property
    def step_jobs(self) -> list[JobRecord]:
        """The jobs that run a step."""
        return [record for record in self.jobs if record.job.step is not None]

    @property
    def known_step_jobs(self) -> list[JobRecord]:
        """The same, for rules that look elsewhere too: none where nothing shows jobs."""
        return self.step_jobs if self.shows("jobs") else []

    @property
    def orchestration_jobs(self) -> list[JobRecord]:
        """The jobs that run the code of a dynamic pipeline, in the order of their submission."""
        return [record for record in self.jobs if record.runs_pipeline]

    def jobs_of(self, name: str) -> list[JobRecord]:
        """The jobs of a step of the suite's, be it a command step.

        Args:
            name: Its invocation id.

        Returns:
            The jobs, in the order of their submission.
        """
        return [record for record in self.jobs if record.runs(name)]

    def probe(self, step: str) -> Probe | None:
        """What a step saw, the first time it ran.

        Args:
            step: Its invocation id.

        Returns:
            The probe; None when the step's code never ran.
        """
        return next((p for p in self.probes if p.step == step), None)

    @property
    def refusal_of_the_id(self) -> str | None:
        """What ZenML's models say against the orchestrator run id, wherever they were asked."""
        raised = [call.raised.message for call in self.calls if call.raised]
        for words in (self.unreadable or "", *raised, *self.logged, *self.last_words.values()):
            # Pydantic names the field on a line of its own, and what is wrong on the next.
            if match := re.search(r"^orchestrator_run_id\n\s+(.+)$", words, re.MULTILINE):
                return match[1]
        return None

    def last_error(self, step: str) -> str | None:
        """What a step's job complained of at last.

        Args:
            step: Its invocation id.

        Returns:
            The last line of its log that names an exception, or the last line; None: its job did
            not fail, or left no log.
        """
        jobs = [record for record in self.known_step_jobs if record.job.step == step]
        words = [self.last_words.get(record.id, "") for record in jobs]
        lines = [line for text in words for line in text.splitlines() if line.strip()]
        named = [line for line in lines if re.match(r"[\w.]+(Error|Exception)\b", line)]
        return next(reversed(named or lines), None)

    @property
    def in_process(self) -> bool:
        """Whether the steps ran in the client itself."""
        clients = {submission.pid for submission in self.submissions}
        return bool(self.probes) and all(probe.pid in clients for probe in self.probes)
