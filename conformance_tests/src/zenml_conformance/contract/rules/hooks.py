"""Hooks: what a pipeline has run at its beginning and at its end."""

from __future__ import annotations

from zenml_conformance.contract.rule import MUST, NotSeen, Violation, rule
from zenml_conformance.scenarios.failing import Failing
from zenml_conformance.scenarios.inspection import Inspection


@rule("HOOK-1", MUST, requires=("DAG-2", "RETRY-1"), since="0.2")
def hooks_run_where_they_are_declared(failing: Failing, inspection: Inspection) -> None:
    """`on_init` and `on_cleanup` run once for each step, or once for the run, as declared.

    Why: with `run_init_cleanup_at_step_level` True, ZenML runs them around each attempt of a step
    (`StepRunner.run`), after a failure too. With False it leaves them to the orchestrator, and
    nobody else opens what the steps need, or closes it.

    Fix: leave it True where steps have processes of their own. Where they share one, set it
    False, call `run_init_hook` before the first step and `run_cleanup_hook` in a `finally`.
    """
    if not failing.probes:
        raise NotSeen("no step ran for which hooks could be run")
    begun, ended = failing.init, failing.cleanup
    if inspection.step_level_hooks:
        expected, where = len(failing.probes), "for each of the attempts of its steps"
    else:
        expected, where = 1, "for the run, as run_init_cleanup_at_step_level=False says"
    for hook, times in (("on_init", len(begun)), ("on_cleanup", len(ended))):
        if times != expected:
            raise Violation(f"{hook} ran {times} time(s) instead of {expected}, once {where}")
    strangers = {probe.pid for probe in failing.probes} - set(begun)
    if strangers:
        raise Violation(f"{len(strangers)} process(es) ran a step without on_init having run there")
