"""The suite bites: each faulty orchestrator turns exactly the expected rules red."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import shutil
import sqlite3
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from faulty import FAULTS
from faulty.fault import BOTH, CONSTRUCTIONS, COORDINATOR, MAKEFILE, Fault
from zenml_conformance import store
from zenml_conformance.context.evidence import Evidence
from zenml_conformance.contract.rule import Outcome, Status
from zenml_conformance.contract.rules import RULES
from zenml_conformance.engine import zenml_servers
from zenml_conformance.engine.process import EngineProcess
from zenml_conformance.judging.judge import Judge, scenarios_of
from zenml_conformance.judging.runner import Runner
from zenml_conformance.protocol import EngineClient
from zenml_conformance.target.spec import TargetSpec

PARALLEL_SCENARIOS = 6
"""Most of a faulty orchestrator's scenarios is waiting for what never comes."""

SLOWEST = {"isolated_status", "login_ended", "published_then_died", "wide"}
"""The scenarios that take longest; run last, they would be waited for alone."""

OF_ITS_CONSTRUCTION = {"diamond", "inspection", "fail_fast", "stop_on_failure"}
"""The scenarios that show what an orchestrator is, what it declares, and what can be seen of it. In
all others those that are right leave what is right, and one of them is run (`test_known_good.py`
judges each)."""

EVERY_FAULT = "KIT_EVERY_FAULT"
"""The variable with which `make bank` asks for every fault in every topology."""


def once_each(faults: list[Fault]) -> list[Fault]:
    """Leave one topology of those that a fault is in, each in its turn.

    What is broken is then the same code twice: the flavor is, and what notices it.
    """
    turns = itertools.cycle(BOTH)
    chosen = []
    for _, group in itertools.groupby(faults, lambda fault: fault.flavor):
        twins = list(group)
        if len(twins) > 1:
            topology = next(turns)
            twins = [fault for fault in twins if fault.construction == topology]
        chosen += twins
    return chosen


TRIED = FAULTS if EVERY_FAULT in os.environ else once_each(FAULTS)


def scenarios_for(fault: Fault) -> set[str]:
    """The scenarios that a fault runs: what its author says, or the first one of each rule."""
    return set(fault.scenarios) or {RULES[rule].scenarios[0] for rule in fault.breaks}


def judged_for(fault: Fault) -> list[str]:
    """The rules that look at anything that a fault runs."""
    chosen = scenarios_for(fault)
    return [rule.id for rule in RULES.values() if chosen.intersection(rule.scenarios)]


def _is_quick(fault: Fault) -> bool:
    """Whether a fault's scenarios may begin after those of others."""
    return fault.construction != MAKEFILE and SLOWEST.isdisjoint(scenarios_for(fault))


def _ground(fault: Fault, scenario: str) -> str:
    """Name the construction whose evidence stands for what a fault does not run."""
    return fault.construction if scenario in OF_ITS_CONSTRUCTION else COORDINATOR


class Bank:
    """Runs every fault's scenarios on one engine, ahead of the tests and in their order."""

    def __init__(self, directory: Path, faults: list[Fault]) -> None:
        """Start an engine and begin.

        Args:
            directory: Takes everything; must exist.
            faults: Those that are going to be asked for, as far as that is known.
        """
        self._directory = directory
        own = [str(Path(__file__).parent), str(_installed(directory / "site"))]
        search_path = [*own, *(path for path in sys.path if path)]
        self._engine = EngineProcess(search_path, PARALLEL_SCENARIOS, preload=["faulty"])
        self._search_path = search_path
        self._thread = ThreadPoolExecutor(1)
        self._store = directory / "store"
        self._new = self._runner("new", TargetSpec(ref="reference"))
        self._new.create_store(self._store)
        self._sound = {
            name: self._prepare(name, construction.target)
            for name, construction in CONSTRUCTIONS.items()
        }
        self._anew: dict[Fault, dict[str, Runner]] = {}
        for name, scenarios in self._grounds(faults).items():
            self._sound[name].plan(sorted(scenarios))
        self._faulty: dict[Fault, Future[Runner]] = {}
        for fault in sorted(faults, key=_is_quick):
            self._begin(fault)

    def _grounds(self, faults: list[Fault]) -> dict[str, set[str]]:
        """The scenarios that are run on orchestrators that are right, by construction."""
        grounds: dict[str, set[str]] = {name: set() for name in CONSTRUCTIONS}
        for fault in faults:
            sound = CONSTRUCTIONS[fault.construction]
            needed = scenarios_of(judged_for(fault), not sound.is_black_box, sound.declared)
            for scenario in set(needed) - scenarios_for(fault):
                grounds[_ground(fault, scenario)].add(scenario)
        return grounds

    def _runner(self, name: str, target: TargetSpec) -> Runner:
        directory = self._directory / name
        directory.mkdir()
        return Runner(directory, self._engine.socket, target)

    def _prepare(self, name: str, target: TargetSpec) -> Runner:
        runner = self._runner(name, target)
        runner.prepare(base=self._store)
        return runner

    def _begin(self, fault: Fault) -> Future[Runner]:
        if fault not in self._faulty:
            self._faulty[fault] = self._thread.submit(self._prepare_faulty, fault, str(fault))
        return self._faulty[fault]

    def _prepare_faulty(self, fault: Fault, name: str) -> Runner:
        if fault.is_registered_as_sound:
            runner = self._register_as_sound(fault, name)
        else:
            runner = self._prepare(name, fault.target)
        if any(RULES[rule].needs_server for rule in fault.breaks):
            runner.servers = self._servers.socket
        runner.plan(sorted(scenarios_for(fault)))
        return runner

    def _register_as_sound(self, fault: Fault, name: str) -> Runner:
        runner = self._runner(name, fault.target)
        store.clone(self._sound[fault.construction].template, runner.template)
        (database,) = runner.template.rglob("zenml.db")
        with contextlib.closing(sqlite3.connect(database)) as connection, connection:
            source = fault.flavor.replace(":", ".")
            changed = connection.execute("UPDATE flavor SET source = ? WHERE is_custom", (source,))
            assert changed.rowcount == 1
        return runner

    def judge(self, fault: Fault) -> Judge:
        """Judge a faulty orchestrator.

        What it does not run is as with a sound orchestrator: a rule that requires another
        scenario's rules can be judged, and a fault costs no more than its own scenarios.

        Args:
            fault: The fault.

        Returns:
            Its judge.
        """
        faulty, chosen = self._begin(fault).result(), scenarios_for(fault)

        def evidence(scenario: str) -> Evidence:
            sound = self._anew.get(fault, self._sound)[_ground(fault, scenario)]
            return (faulty if scenario in chosen else sound).evidence(scenario)

        return Judge(evidence)

    def begin_again(self, fault: Fault) -> None:
        """Run a fault's scenarios anew, and those of the sound orchestrator that it needs.

        Args:
            fault: The fault.
        """
        name = f"{fault}-again"
        # The engine runs what has the same directory once.
        self._anew[fault] = {
            each: self._prepare(f"{name}-{each}", CONSTRUCTIONS[each].target)
            for each in {fault.construction, COORDINATOR}
        }
        self._faulty[fault] = self._thread.submit(self._prepare_faulty, fault, name)

    def forget(self, fault: Fault) -> None:
        """Delete what a fault's scenarios left.

        Args:
            fault: The fault.
        """
        shutil.rmtree(self._faulty[fault].result().directory, ignore_errors=True)

    @functools.cached_property
    def _servers(self) -> EngineProcess:
        """The engine of ZenML servers, for the faults that only they show."""
        engine = EngineProcess(self._search_path, preload=zenml_servers.MODULES)
        self._new.warm_up(EngineClient(engine.socket), self._store)
        return engine

    def close(self) -> None:
        """End the engines."""
        self._thread.shutdown(cancel_futures=True)
        self._engine.close()
        if "_servers" in vars(self):
            self._servers.close()


def _installed(site: Path) -> Path:
    """Make the faults look installed: a distribution that has their package."""
    about = site / "faulty_orchestrators-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: faulty-orchestrators\nVersion: 1\n"
    )
    (about / "top_level.txt").write_text("faulty\n")
    return site


@pytest.fixture(scope="session")
def bank(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bank]:
    """The faults of the tests that are going to run."""
    names = {item.name for item in request.session.items}
    selected = [fault for fault in TRIED if any(f"[{fault}]" in name for name in names)]
    if hasattr(request.config, "workerinput"):
        selected = []  # Other workers take their share of them, and nobody knows which.
    with pytest.MonkeyPatch.context() as patch:
        # Of those that have a backend of their own, and start what the engine knows nothing of.
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))
        bank = Bank(tmp_path_factory.mktemp("bank"), selected)
        yield bank
        bank.close()


@pytest.mark.parametrize("fault", TRIED, ids=str)
def test_exactly_the_expected_rules_are_red(fault: Fault, bank: Bank) -> None:
    if unexpected := what_is_unexpected(fault, bank.judge(fault)):
        # Hundreds of scenarios run side by side. What chance does to one of them must not hide
        # what the bank has to say, and must not be hidden.
        warnings.warn(f"{fault}, at first:\n{unexpected}", stacklevel=1)
        bank.begin_again(fault)
        unexpected = what_is_unexpected(fault, bank.judge(fault))
    assert not unexpected, unexpected
    bank.forget(fault)


def what_is_unexpected(fault: Fault, judge: Judge) -> str:
    """Say what is not as the bank has it; nothing if all is."""
    outcomes = [judge.outcome(rule_id) for rule_id in judged_for(fault)]
    red = {outcome.rule for outcome in outcomes if outcome.status is Status.FAILED}
    crashed = any(outcome.status is Status.ERROR for outcome in outcomes)
    roots = {outcome.blocked_by for outcome in outcomes if outcome.blocked_by}
    if red == fault.breaks and roots <= red and not crashed:
        return ""
    missed, more = sorted(fault.breaks - red), sorted(red - fault.breaks)
    return f"not red: {missed}; red besides: {more}\n{in_words(judge, outcomes)}"


def in_words(judge: Judge, outcomes: list[Outcome]) -> str:
    """Say what does not hold, those included that only block what was asked for."""
    roots = [judge.outcome(rule) for rule in {o.blocked_by for o in outcomes} if rule]
    wrong = dict.fromkeys(o for o in [*roots, *outcomes] if o.status is not Status.PASSED)
    return "\n".join(f"{o.rule} {o.status.value}: {o.detail}" for o in wrong)


def test_every_rule_has_a_fault() -> None:
    assert {rule for fault in TRIED for rule in fault.breaks} == set(RULES)


def test_every_fault_is_tried_in_some_topology() -> None:
    assert {fault.flavor for fault in TRIED} == {fault.flavor for fault in FAULTS}
