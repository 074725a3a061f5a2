"""Environment: what a step's process is started with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from zenml_conformance.context.evidence import Evidence
from zenml_conformance.contract.rule import MUST, SHOULD, NotApplicable, NotSeen, Violation, rule
from zenml_conformance.scenarios.client_killed import ClientKilled
from zenml_conformance.scenarios.diamond import Diamond

OWN = "CONFORMANCE_OWN"


def environments(seen: Evidence) -> Iterator[tuple[str, dict[str, str], dict[str, str]]]:
    """Give each step's expected and actual environment.

    The actual one is that of the process's start: before ZenML applies the step's variables
    itself (`zenml.orchestrators.step_runner`), which would hide that they were lost. Steps that
    run in the client's process have no start of their own.

    Args:
        seen: The evidence.

    Yields:
        The step, what ZenML handed to `submit_pipeline` for it, and what was there.
    """
    for name, expected in seen.call.step_environments.items():
        probe = seen.probe(name)
        if probe:
            actual = probe.environment_at_run if seen.in_process else probe.environment_at_start
            yield name, expected, actual
            continue
        for record in seen.known_step_jobs:
            if record.job.step == name:
                yield name, expected, record.job.environment


def check_nothing_lost(expected: Mapping[str, str], actual: Mapping[str, str]) -> None:
    """See that a process is started with every variable.

    Args:
        expected: What ZenML handed over for it.
        actual: What was there.

    Raises:
        Violation: If one is missing.
    """
    if lost := expected.keys() - actual.keys():
        raise Violation(f"the process was started without {', '.join(sorted(lost))}")


def changes(expected: Mapping[str, str], actual: Mapping[str, str]) -> dict[str, str]:
    """Find the variables that are there and have another value.

    Args:
        expected: What ZenML handed over for a process. Only the values of the suite's own
            variables are known.
        actual: What was there.

    Returns:
        For each variable what it was, and what it is, in words.
    """
    return {
        key: f"given {key}={value[:60]!r} and saw {actual[key][:60]!r}"
        for key, value in expected.items()
        if key.startswith("CONFORMANCE_") and actual.get(key, value) != value
    }


def _check_seen(seen: Diamond, *steps: str) -> None:
    """See that the environments of some steps were looked at."""
    if unseen := {*steps} - {name for name, _, _ in environments(seen)}:
        raise NotSeen(f"the environment was not seen of {', '.join(sorted(unseen))}")


@rule("ENV-1", MUST, requires=("SUB-1",))
def every_variable_arrives(diamond: Diamond) -> None:
    """Each step's process is started with all of its `step_environments`.

    Why: they hold the address and the credentials of ZenML's store, the active stack and the
    user's own variables. ZenML sets the last again when the step function runs, so a loss shows
    only where it hurts: at import time, in the loader, in libraries that read them early.

    Fix: pass the whole `step_environments[invocation_id]` to the job, and only add to it. In a
    generated `backend.py`: pass on all of `job.environment`.
    """
    missing = {
        f"{name}: {', '.join(sorted(lost))}"
        for name, expected, actual in environments(diamond)
        if (lost := expected.keys() - actual.keys())
    }
    if missing:
        raise Violation(f"variables missing at the start of the process of {'; '.join(missing)}")
    _check_seen(diamond, *diamond.call.step_environments)


@rule("APP-1", MUST, requires=("SUB-1",), needs_jobs=True, since="0.2")
def steps_need_no_app(diamond: Diamond) -> None:
    """A step that has no image runs where there is no `/app`, and as a user who can't make one.

    Why: ZenML's entrypoints begin with `os.makedirs("/app")` and go there
    (`zenml.entrypoints.base_entrypoint_configuration.prepare_code_environment`). On a cluster's
    node an ordinary user gets a PermissionError, and no step ever starts.

    Fix: subclass `StepEntrypointConfiguration`, override `prepare_code_environment` to prepare
    what your jobs have (a working directory, the code), and run your class's command.
    """
    outside = [record for record in diamond.jobs if record.job.image is None]
    if not outside:
        raise NotApplicable("every job has an image") if diamond.jobs else NotSeen("no job ran")
    if not any(record.started_at for record in outside):
        raise NotSeen("no job without an image was started")
    for record in outside:
        words = diamond.last_words.get(record.id, "")
        if "PermissionError" in words and "'/app'" in words:
            raise Violation(f"{record.job.name!r} has no image, and was refused '/app'")


@rule("ENV-2", MUST)
def steps_have_their_own_values(diamond: Diamond) -> None:
    """A step sees its own value of a variable, never another step's.

    Why: `step_environments` has one dictionary for each step because a variable may differ
    between them: a credential, a device, a log level.

    Fix: build each job's environment from its own entry; share nothing that you write to. In a
    generated `backend.py`: never write to `os.environ`.
    """
    if diamond.call.deprecated:
        raise NotApplicable("ZenML passes prepare_or_run_pipeline one environment for all steps")
    for name, expected, actual in environments(diamond):
        if actual.get(OWN) != expected.get(OWN):
            raise Violation(
                f"{name!r} was given {OWN}={expected.get(OWN)!r} and saw {actual.get(OWN)!r}"
            )
    _check_seen(diamond, "meet", "meet_2")


@rule("ENV-3", MUST)
def values_arrive_verbatim(diamond: Diamond) -> None:
    """Values arrive as they were: spaces, quotes, `$`, newlines, Unicode, empty, long.

    Why: connection strings, keys and JSON documents travel in variables. A shell, a template
    engine or a limit in between changes them without an error.

    Fix: hand the environment over as data (an API field, an `env` argument, a NUL-separated file).
    Where only a shell will do, quote with `shlex.quote`. In a generated `backend.py`: the same for
    `job.environment`; `private_script` in `core/scripts.py` quotes it.
    """
    if diamond.in_process:
        raise NotApplicable("the steps share the client's process, where ZenML sets the values")
    for name, expected, actual in environments(diamond):
        for key, difference in changes(expected, actual).items():
            if key != OWN:
                raise Violation(f"{name!r} was {difference}")
    _check_seen(diamond, "source")


@rule("ENV-4", SHOULD)
def secrets_stay_private(diamond: Diamond) -> None:
    """No variable's value is in a command line, a job name, a label, a log or a public file.

    Why: ZenML's API token is in every step's environment. Command lines show in `ps` and in the
    scheduler's listings to every user; so do job names and labels.

    Fix: pass variables as the job's environment, or in a file with mode 0600. Log the names of
    variables, never their values. In a generated `backend.py`: where the system shows environments
    to others, submit the script that `private_script` in `core/scripts.py` writes.
    """
    if diamond.exposures:
        raise Violation(f"found: {'; '.join(map(str, diamond.exposures))}")
    probe = diamond.probe("meet_2")
    if probe and probe.token_in_commands:
        raise Violation(
            "a token of the step's was in the command line of "
            f"{', '.join(probe.token_in_commands)}, above or at the process of the step"
        )
    if not diamond.in_process:
        _ = diamond.jobs  # Their names, labels and files are where it would be, too.
    _check_seen(diamond, "meet_2")


@rule("ENV-7", SHOULD, since="0.2")
def the_clients_repository_stays_as_it_is(client_killed: ClientKilled, diamond: Diamond) -> None:
    """Jobs leave the client's `.zen` directory alone.

    Why: whenever a ZenML client is made in a directory with `.zen`, or below one, ZenML writes
    `.zen/config.yaml`, in place (`zenml.utils.filesync_model.FileSyncModel.write_config`). A job
    that reads the file while another one writes it finds it empty, and dies before it has
    reported anything: the more steps start side by side, the more of them.

    Fix: start every job with `ZENML_REPOSITORY_PATH` naming a place that has no `.zen`. Which stack
    and which project are active, it knows from `ZENML_ACTIVE_STACK_ID` and
    `ZENML_ACTIVE_PROJECT_ID`, which are in the environments that ZenML hands you. In a generated
    `backend.py`: pass on all of `job.environment`, which holds it.
    """
    if diamond.in_process:
        raise NotApplicable("the steps run in the client, whose directory it is")
    if client_killed.repository_written:
        raise Violation(
            "`.zen/config.yaml` of the directory that the client ran in was written after the "
            "client's end"
        )
