"""Records: metadata, artifacts and names that a run leaves behind."""

from __future__ import annotations

import re

from zenml_conformance.contract.rule import MUST, SHOULD, NotApplicable, NotSeen, Violation, rule
from zenml_conformance.scenarios.diamond import Diamond
from zenml_conformance.scenarios.fired_twice import FiredTwice
from zenml_conformance.scenarios.hostile_names import HostileNames
from zenml_conformance.scenarios.inspection import Inspection
from zenml_conformance.scenarios.shared.probes import SAYING
from zenml_conformance.scenarios.together import Together

RUN_ID_KEY = "orchestrator_run_id"
"""`zenml.constants.METADATA_ORCHESTRATOR_RUN_ID`."""


@rule("META-1", MUST)
def metadata_is_kept(diamond: Diamond) -> None:
    """Every piece of metadata that submission returns is stored with the run.

    Why: one value that ZenML can't serialise drops the whole dictionary, and the error is only
    logged at DEBUG (`BaseOrchestrator.run`). A stop or a refresh then finds no handle.

    Fix: return only `zenml.metadata.metadata_types.MetadataType` values; wrap links in `Uri`.
    """
    if not diamond.returned_call.metadata:
        raise NotApplicable("submission returns no metadata")
    run = diamond.run
    lost = {
        key: kind
        for key, kind in diamond.call.metadata.items()
        if run is None or key not in run.metadata
    }
    if lost:
        said = ", ".join(f"{key} (a {kind})" for key, kind in lost.items())
        raise Violation(f"submission returned metadata that the run does not have: {said}")


@rule("META-3", MUST)
def the_metadata_hook_works_in_a_step(diamond: Diamond) -> None:
    """`get_pipeline_run_metadata` works in a step's process.

    Why: the first step of a run calls it there (`StepLauncher.launch`). What it raises is turned
    into a warning, and the run's metadata is lost.

    Fix: use only what a step has: its environment and ZenML's client. Return {} when there is
    nothing to say.
    """
    probe = diamond.probe("source")
    hook = probe.metadata_hook if probe else None
    if hook is None:
        raise NotSeen("the first step did not get as far as to call it")
    if isinstance(hook, str):
        raise Violation(f"in the first step's process it raised {hook}")


@rule("META-2", SHOULD, requires=("META-1",), since="0.2")
def metadata_leads_to_the_backend(diamond: Diamond) -> None:
    """A run's metadata has the backend's handle, `orchestrator_run_id`, and links are `Uri`s.

    Why: a run is looked for in the backend, by a person or `fetch_status` on a fresh instance,
    has only ZenML's record of it. The dashboard shows a link as one only if it is a `Uri`.

    Fix: return `metadata={METADATA_ORCHESTRATOR_RUN_ID: …}` (`zenml.constants`) with the
    submission, and `METADATA_ORCHESTRATOR_URL: Uri(…)` where the backend has a page for the run.
    """
    if diamond.in_process:
        raise NotApplicable("the steps run in the client: there is no backend to find the run in")
    metadata = diamond.run.metadata if diamond.run else {}
    if not metadata.get(RUN_ID_KEY):
        found = ", ".join(metadata) or "nothing"
        raise Violation(f"the run's metadata has no {RUN_ID_KEY}; it has: {found}")
    probe = diamond.probe("source")
    hook = probe.metadata_hook if probe else None
    kinds = {**(hook if isinstance(hook, dict) else {}), **diamond.call.metadata}
    for key, value in metadata.items():
        if kinds.get(key) == "str" and re.match("https?://", value):
            raise Violation(f"{key!r} is a link ({value[:60]!r}), and a str instead of a Uri")


@rule("ART-1", MUST)
def artifacts_load_in_the_client(diamond: Diamond, together: Together) -> None:
    """Every output of every step can be loaded by the client.

    Why: the environment that ZenML prepares names the store, but not where local artifacts are
    (`get_config_environment_vars`). A step that keeps them elsewhere succeeds, and nobody finds
    its results.

    Fix: with a local artifact store, give `ZENML_LOCAL_STORES_PATH` to the job; with jobs on other
    machines, require a remote one in the stack's validator. In a generated `backend.py`: pass on
    all of `job.environment`; for jobs on other machines, return True from `is_remote` in
    `config.py`.
    """
    for seen in (diamond, together):
        outputs = [
            (step.name, output, error)
            for run in seen.runs
            for step in run.steps
            for output, error in step.outputs.items()
        ]
        for step, output, error in outputs:
            if error:
                raise Violation(f"output {output!r} of {step!r} does not load: {error}")
        if not outputs:
            raise NotSeen(f"no step of the scenario {seen.scenario!r} has put anything out")


@rule("NAME-2", MUST, needs_jobs=True, since="0.2")
def two_runs_have_other_names(fired_twice: FiredTwice, together: Together) -> None:
    """The jobs of two runs have different names, also when both run the same snapshot.

    Why: many schedulers refuse a second job of the same name, or answer questions about the
    first; some replace it. A name made of pipeline and step is only good for one run.

    Fix: put something of the run into every job's name: the run id, or a part of it. In a generated
    `backend.py`: use `job.name`; if it has to be shortened, keep its end.
    """
    for seen in (fired_twice, together):
        names = [record.job.name for record in seen.jobs]
        double = sorted({name for name in names if names.count(name) > 1})
        if double:
            raise Violation(f"in two runs, {names.count(double[0])} jobs are called {double[0]!r}")
        if len(names) < 2:
            raise NotSeen(f"there were no two jobs in the scenario {seen.scenario!r}")


@rule("NAME-1", MUST, requires=("SUB-1", "RUNID-4"), needs_jobs=True)
def job_names_are_legal_and_unique(hostile_names: HostileNames, inspection: Inspection) -> None:
    """Job names are legal and unlike each other, whatever pipelines and steps are called.

    Why: schedulers refuse long names, spaces and Unicode. A name that is cut to fit makes two
    steps one: the second submission fails, or replaces the first.

    Fix: keep letters, digits and hyphens, cut to the backend's length, and add a part that is
    unique (a hash of the full name, the run id). In a generated `backend.py`: use `job.name`; if it
    has to be shortened, keep its end.
    """
    raised = [s.raised for s in hostile_names.submissions if s.raised]
    if raised:
        raise Violation(f"a submission raised {raised[0]}")
    names = [record.job.name for record in hostile_names.jobs]
    if len(names) < 36:
        raise Violation(f"three pipelines of 12 steps gave {len(names)} jobs")
    pattern = inspection.job_name_pattern
    illegal = [name for name in names if not re.fullmatch(pattern, name)]
    if illegal:
        raise Violation(f"{illegal[0]!r} ({len(illegal[0])} characters) does not match {pattern}")
    double = {name for name in names if names.count(name) > 1}
    if double:
        name = sorted(double)[0]
        raise Violation(f"{names.count(name)} jobs are called {name!r}")


@rule("HB-1", SHOULD)
def steps_run_in_the_main_thread(diamond: Diamond) -> None:
    """A step's function runs in the main thread of its process.

    Why: ZenML stops a step by a signal, which Python delivers to the main thread
    (`zenml.orchestrators.signal_handler`), and by interrupting the main thread
    (`zenml.steps.heartbeat`). A step in a worker thread can't be stopped.

    Fix: let the entrypoint run in the main thread; put monitoring into others.
    """
    if diamond.in_process:
        raise NotApplicable("the steps run where the user called the pipeline")
    if not diamond.probes:
        raise NotSeen("no step ran")
    elsewhere = [probe.step for probe in diamond.probes if not probe.main_thread]
    if elsewhere:
        raise Violation(f"these steps ran in another thread: {', '.join(elsewhere)}")


@rule("LOG-1", SHOULD, since="0.2")
def what_steps_print_is_in_zenml(fired_twice: FiredTwice) -> None:
    """What a step prints can be read from ZenML's log store.

    Why: ZenML collects it in the step's process (`StepRunner.run`), for its dashboard and for
    `step.logs`. Where it gets lost, a failed step has to be looked for in the backend, by those
    who have access to it and for as long as it keeps logs.

    Fix: run steps through ZenML's entrypoint, don't set `ZENML_DISABLE_STEP_LOGS_STORAGE` for
    them, and let their processes end by themselves.
    """
    log = fired_twice.log
    if log.text is None or SAYING not in log.text:
        raise Violation(f"a step printed {SAYING!r}; in ZenML: {log.raised or log.text!r}")
