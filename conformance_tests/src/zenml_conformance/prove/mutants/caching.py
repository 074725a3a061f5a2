"""Mutants of caching."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from zenml_conformance.prove.injector import wrap
from zenml_conformance.prove.mutant import Needs, mutant
from zenml_conformance.prove.mutants.topology import for_step

if TYPE_CHECKING:
    from zenml_conformance.prove.injector import Around, FaultInjector


@mutant("CACHE-2", needs=Needs.JOBS)
def cached_steps_run_again(injector: FaultInjector) -> None:
    """Steps that ZenML has found in its cache are run again, with those that it has not."""
    submitted = set()

    def submit(original: Around, job: Any) -> Any:
        submitted.add(job.step)
        if job.step == "use" and "load" not in submitted:
            original(for_step(job, "load"))
        return original(job)

    injector.around_backend("submit", submit)


@mutant("CACHE-2", needs=Needs.CLIENT)
def whole_snapshot_run(injector: FaultInjector) -> None:
    """The snapshot is loaded again, whole, and run."""

    def submit(
        original: Around,
        *,
        snapshot: Any,
        base_environment: Any,
        step_environments: Any,
        **others: Any,
    ) -> Any:
        from zenml.client import Client

        whole = Client().zen_store.get_snapshot(snapshot.id)
        return original(
            snapshot=whole,
            base_environment=base_environment,
            step_environments={
                name: step_environments.get(name, base_environment)
                for name in whole.step_configurations
            },
            **others,
        )

    injector.around("submit_pipeline", submit)


@mutant("CACHE-1")
def caching_switched_off(injector: FaultInjector) -> None:
    """Client-side caching is switched off behind the user's back."""

    def run(original: Around, *arguments: Any, **keywords: Any) -> Any:
        os.environ["ZENML_PREVENT_CLIENT_SIDE_CACHING"] = "true"
        return original(*arguments, **keywords)

    injector.around("run", run)


@mutant("CACHE-3")
def old_results_handed_out(injector: FaultInjector) -> None:
    """A step that was run before is not run again, though its caching is off."""
    from zenml.orchestrators import utils
    from zenml.orchestrators.step_run_utils import StepRunRequestFactory

    def populate(original: Around, *arguments: Any, **keywords: Any) -> Any:
        before = utils.is_setting_enabled
        utils.is_setting_enabled = lambda **settings: True
        try:
            return original(*arguments, **keywords)
        finally:
            utils.is_setting_enabled = before

    wrap(StepRunRequestFactory, "populate_request", populate)
