"""Pipelines whose DAG is known at submission: what they do, and what is done to them."""

from __future__ import annotations

from zenml_conformance.lab import zenml_store
from zenml_conformance.lab.evidence import Submission
from zenml_conformance.lab.laboratory import Laboratory
from zenml_conformance.lab.modes import breach
from zenml_conformance.lab.scenarios.scenario import scenario

ROLL_BACK_SECONDS = 8.0
"""How long cancelled jobs may take to end: longer than the fake backend's patience."""

HOSTILE_STEPS = 12
"""How many steps with long names a pipeline has."""

KILLED_SECONDS = 10.0
"""How long a killed process may take to end, on a busy machine."""

UNANSWERED = 3
"""How many questions in a row the unreliable backend does not answer."""


@scenario
def diamond(lab: Laboratory) -> None:
    """A diamond of four steps runs to its end."""
    client = lab.start("diamond", "static:diamond")
    lab.finish(client)
    if not zenml_store.is_under_way() and not lab.orchestrator.config.is_synchronous:
        detail = "the config's is_synchronous is False, and the client waits for the run's end"
        lab.evidence.facts["under_claims"] = [{"capability": "synchronous", "detail": detail}]
    lab.settle()


@scenario
def fired_twice(lab: Laboratory) -> None:
    """One snapshot is fired twice, and what its step prints is read back from ZenML."""
    lab.keep_step_logs()
    lab.submit("fired-twice", "static:single", how="twice")
    lab.evidence.facts["log"] = zenml_store.step_log("source")


@scenario
def together(lab: Laboratory) -> None:
    """Two pipelines are submitted at once by two threads of one client."""
    lab.submit("together", "static:first_of_two", how="together")


@scenario
def failing(lab: Laboratory) -> None:
    """A step fails beside a branch that is well and a step that needs three attempts.

    The pipeline has an init and a cleanup hook.
    """
    hooks = {"on_init_kwargs": {"probes": lab.probes}}
    options = {"execution_mode": "continue_on_failure", **hooks}
    lab.submit("failing", "static:failing", options=options)
    for hook in ("init", "cleanup"):
        lab.evidence.facts[hook] = [int(name.split("-")[1]) for name in lab.marks(f"{hook}-*")]


def _mode(lab: Laboratory, mode: str) -> None:
    submission = _submit_with_mode(lab, mode, mode)
    lab.evidence.facts["sleeper_ended_by_itself"] = lab.marked("slept")
    if lab.backend and submission.raised and not lab.jobs:
        _force(lab, mode)


def _submit_with_mode(lab: Laboratory, label: str, mode: str) -> Submission:
    client = lab.start(
        label,
        "static:modes",
        parameters={"seconds": 8.0 if mode == "fail_fast" else 4.0},
        options={"execution_mode": mode},
    )
    submission = lab.finish(client)
    lab.settle()
    return submission


def _force(lab: Laboratory, mode: str) -> None:
    """The mode was refused: see whether it would be kept all the same."""
    lab.force_modes()
    submission = _submit_with_mode(lab, f"{mode}-forced", mode)
    run = next((run for run in zenml_store.records() if run.id == submission.run), None)
    slept = lab.marked("slept")
    if breach(mode, run, started=lab.marked("running"), slept=slept) is None:
        detail = f"{mode} is not in supported_execution_modes, and was kept when it was forced"
        lab.evidence.facts["under_claims"] = [
            {"capability": f"execution mode {mode}", "detail": detail}
        ]


@scenario
def fail_fast(lab: Laboratory) -> None:
    """A step fails beside a long one; the rest must be ended."""
    _mode(lab, "fail_fast")


@scenario
def stop_on_failure(lab: Laboratory) -> None:
    """A step fails beside a long one; that may end, nothing new may start."""
    _mode(lab, "stop_on_failure")


@scenario
def killed(lab: Laboratory) -> None:
    """The kernel kills a step."""
    lab.submit("killed", "static:killed")
    lab.refresh()


@scenario
def never_started(lab: Laboratory) -> None:
    """A step's process dies before ZenML has recorded the step."""
    lab.faults(cold_steps=["never_starts"])  # A fork has its interpreter already.
    lab.submit("never-started", "static:never_started")
    lab.refresh()


@scenario
def published_then_died(lab: Laboratory) -> None:
    """A step reports success and then dies; the one after it runs in a new interpreter."""
    lab.faults(cold_steps=["after_publisher"])
    lab.submit("published-then-died", "static:published_then_died")
    lab.evidence.facts["died"] = lab.marked("died")
    lab.refresh()


@scenario
def coordinator_killed(lab: Laboratory) -> None:
    """Whoever walks the DAG is killed while a step runs: the client, and every job that submits."""
    client = lab.start("coordinator-killed", "static:released")
    lab.evidence.facts["step_ran"] = lab.wait_for_mark("running")
    coordinators = lab.coordinators()
    lab.evidence.facts["killed"] = ["client", *(record.job.name for record in coordinators)]
    client.kill()
    for record in coordinators:
        assert lab.backend
        lab.backend.kill(record.id)
    lab.mark("release")
    lab.finish(client)
    lab.settle()
    lab.refresh()


@scenario
def client_killed(lab: Laboratory) -> None:
    """The client is killed as soon as submission has returned; the backend lives, and its jobs.

    It runs below a directory with `.zen`; who has written there afterwards was not the client.
    """
    lab.initialise_repository()
    client = lab.start("client-killed", "static:released")
    lab.evidence.facts["submitted"] = lab.wait_for_return(client)
    before = None
    if lab.evidence.facts["submitted"]:
        client.kill()
        client.wait(KILLED_SECONDS)
        before = lab.repository_version()
    lab.mark("release")
    lab.finish(client)
    lab.settle()
    lab.evidence.facts["repository_written"] = before not in (None, lab.repository_version())


@scenario
def unreliable_backend(lab: Laboratory) -> None:
    """While a step runs, the backend fails to answer a few times; then it is well again."""
    client = lab.start("unreliable-backend", "static:released")
    lab.evidence.facts["step_ran"] = lab.wait_for_mark("running")
    lab.faults(status_fails=UNANSWERED)
    lab.mark("release")
    lab.finish(client)
    lab.settle()


@scenario
def caching(lab: Laboratory) -> None:
    """A pipeline runs, runs again half cached, and again wholly cached."""
    lab.submit("executed", "static:cached", parameters={"fresh": True})
    lab.submit("half-cached", "static:cached", parameters={"fresh": True})
    jobs_before = len(lab.jobs) if lab.backend else None
    lab.submit("wholly-cached", "static:cached", parameters={"fresh": False})
    lab.evidence.facts["jobs_before_wholly_cached"] = jobs_before


@scenario
def rejected(lab: Laboratory) -> None:
    """The backend refuses the first submission of all."""
    lab.faults(accepts=0)
    lab.submit("rejected", "static:chain")


@scenario
def rejected_midway(lab: Laboratory) -> None:
    """The backend accepts one job and refuses the next; a step that was accepted would wait."""
    lab.faults(accepts=1)
    client = lab.start("rejected-midway", "static:released")
    lab.finish(client)
    if lab.backend:
        lab.evidence.facts["left"] = lab.backend.drain(ROLL_BACK_SECONDS)
    lab.mark("release")
    lab.settle()
    lab.refresh()


@scenario
def resources(lab: Laboratory) -> None:
    """Steps ask for cpus, memory and gpus, one thing each; then one of a step operator's does.

    On the fake backend no step is run. On the orchestrator's own they ask for little, run, and
    what it has on record of their jobs is read meanwhile.
    """
    if lab.backend:
        from zenml_conformance.lab.step_operator import add_to_stack

        lab.faults(hollow_steps=True)
        lab.submit("resources", "static:resources")
        add_to_stack()
        lab.submit("operated", "static:operated")
    else:
        from zenml_conformance.lab.pipelines.static import SMALL_RESOURCES

        client = lab.start("resources", "static:small_resources")
        lab.read_records(client, SMALL_RESOURCES)
        lab.finish(client)
        lab.settle()


@scenario
def settings(lab: Laboratory) -> None:
    """Every setting is given on the component, the pipeline and the step. No step is run."""
    from zenml_conformance.lab.settings import submit_levels

    lab.faults(hollow_steps=True)
    submit_levels(lab)


@scenario
def hostile_names(lab: Laboratory) -> None:
    """Pipelines and steps have names that no scheduler would take as they are."""
    lab.faults(hollow_steps=True)
    for number, name in enumerate(("x" * 199 + "1", "x" * 199 + "2", "1 Grüße / 世界: $(a) 'b'")):
        steps = HOSTILE_STEPS if lab.backend else 1
        lab.submit(f"name-{number}", "static:hostile_names", name=name, parameters={"steps": steps})


@scenario
def inspection(lab: Laboratory) -> None:
    """Nothing runs: the flavor, the config and the orchestrator's methods are looked at."""
    from zenml_conformance.lab.inspection import inspect_target

    lab.evidence.facts.update(inspect_target(lab))


@scenario
def cold_import(lab: Laboratory) -> None:
    """Nothing runs: the flavor is imported, bit by bit, in an interpreter of its own."""
    lab.evidence.facts.update(lab.import_flavor())
