"""pytest's side of `--prove`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from zenml_conformance.protocol import EngineError
from zenml_conformance.prove.mutant import Mutant
from zenml_conformance.prove.mutants import MUTANTS
from zenml_conformance.prove.proof import Catch, Proof, tally
from zenml_conformance.prove.prover import Prover
from zenml_conformance.prove.table import table
from zenml_conformance.session import options, suite
from zenml_conformance.session.stash import (
    judge_key,
    outcomes_key,
    proofs_key,
    runner_key,
    terms_key,
)

TESTS = Path(__file__).parents[1] / "suite" / "test_prove.py"
PROPERTY = "conformance-proof"


def _is_asked_for(config: pytest.Config) -> bool:
    return options.flag(config, "conformance_prove")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect the mutants only where they are asked for."""
    return True if collection_path == TESTS and not _is_asked_for(config) else None


def mutant_of(item: pytest.Item) -> Mutant | None:
    """Say which mutant a test runs.

    Args:
        item: A test.

    Returns:
        The mutant; None: it runs none.
    """
    if isinstance(item, pytest.Function) and item.path == TESTS:
        return MUTANTS[str(item.callspec.params["name"])]
    return None


@pytest.fixture(scope="session")
def prover(request: pytest.FixtureRequest) -> Prover:
    """What proves the rules of this session."""
    stash = request.config.stash
    ahead = [s for item in request.session.items if (s := mutant_of(item))]
    # Most faults need jobs that can be seen.
    runner = stash[runner_key].stand_in or stash[runner_key]
    return Prover(runner, stash[judge_key], ahead)


class NotCaught(Exception):
    """Fails a mutant's test. Its text is all that is shown."""


def prove_in_test(prover: Prover, name: str, request: pytest.FixtureRequest) -> None:
    """Prove with a mutant, and end the test accordingly.

    Args:
        prover: The session's.
        name: The mutant.
        request: The test's request; takes the proof along to the table.

    Raises:
        NotCaught: If the fault was not noticed.
    """
    mutant, terms = MUTANTS[name], request.config.stash[terms_key]
    try:
        outcome = terms.apply(request.config.stash[judge_key].outcome(mutant.rule))
        proof = prover.prove(mutant)
    except EngineError as error:
        pytest.exit(
            f"the conformance engine is gone, and nothing more can be proved: {error}",
            returncode=pytest.ExitCode.INTERNAL_ERROR,
        )
    request.node.user_properties += [
        (suite.PROPERTY, json.dumps(outcome.to_dict())),
        (PROPERTY, json.dumps(proof.to_dict())),
    ]
    if proof.catch is Catch.NOT_RUN:
        pytest.skip(f"not run: {proof.detail}")
    if proof.catch is Catch.MISSED:
        raise NotCaught(
            f"{proof.rule} did not notice a fault that was put into the orchestrator:\n\n"
            f"  Fault: {proof.fault}\n  Seen:  {proof.detail}\n\n"
            "So its being green says less than it should. Either the orchestrator goes another "
            "way than the one\nthat was broken, or the rule is too weak: please report it."
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Show what was not caught instead of a traceback."""
    report = yield
    if call.excinfo is not None and call.excinfo.errisinstance(NotCaught):
        report.longrepr = str(call.excinfo.value)
    return report


class _Collector:
    """Gathers proofs where the session is controlled, also from xdist's workers."""

    def __init__(self, proofs: list[Proof]) -> None:
        self.proofs = proofs

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            for name, value in report.user_properties:
                if name == PROPERTY:
                    self.proofs.append(Proof.from_dict(json.loads(str(value))))


def pytest_sessionstart(session: pytest.Session) -> None:
    """Begin to gather proofs."""
    if not hasattr(session.config, "workerinput"):
        proofs = session.config.stash[proofs_key] = []
        session.config.pluginmanager.register(_Collector(proofs), "conformance-proofs")


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print what was proved."""
    if proofs := config.stash.get(proofs_key, []):
        terminalreporter.section("proof")
        width = max(60, terminalreporter._tw.fullwidth - 1)
        outcomes = config.stash[outcomes_key]
        terminalreporter.line(table(tally(proofs, outcomes), width))
