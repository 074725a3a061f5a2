"""The hooks of a session that judges. Glue; what is decided is decided elsewhere."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest

from zenml_conformance.console import escape_unknown_characters
from zenml_conformance.contract.rule import Capability, Level, Outcome, Rule, Status, Tier
from zenml_conformance.contract.rules import RULES
from zenml_conformance.contract.selection import select
from zenml_conformance.engine.users_server import UsersServer
from zenml_conformance.errors import InputError
from zenml_conformance.inputs import printable
from zenml_conformance.judging import waivers
from zenml_conformance.judging.description import Description
from zenml_conformance.judging.judge import Judge, are_static, scenarios_of
from zenml_conformance.judging.runner import Runner
from zenml_conformance.judging.terms import Terms
from zenml_conformance.protocol import EngineError
from zenml_conformance.report import baseline
from zenml_conformance.session.launch import launch
from zenml_conformance.session.options import Options
from zenml_conformance.session.progress import follow
from zenml_conformance.session.result import conclude
from zenml_conformance.session.stash import (
    baseline_key,
    description_key,
    judge_key,
    options_key,
    outcomes_key,
    proofs_key,
    report_key,
    result_key,
    runner_key,
    selected_key,
    terms_key,
)
from zenml_conformance.session.suite import PROPERTY, SUITE, asked_key
from zenml_conformance.session.terminal import explain, summary
from zenml_conformance.target.spec import TargetSpec

pytest_plugins = ("zenml_conformance.session.prove",)


# -- before anything is judged --------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    """Settle the terms, start the engine, and load the orchestrator under test."""
    escape_unknown_characters()
    inherited = getattr(config, "workerinput", {}).get(PROPERTY)
    try:
        if inherited:
            _join(config, inherited)
        else:
            _open(config)
    except (InputError, EngineError) as error:
        raise pytest.UsageError(printable(str(error))) from None


def _open(config: pytest.Config) -> None:
    """Begin a session of one's own."""
    began = time.monotonic()
    asked = config.stash[options_key] = Options.of(config)
    terms = Terms(
        profiles=asked.profiles,
        rules=select(asked.rules),
        deadline=asked.budget and began + asked.budget,
        waivers={w.rule: w for w in waivers.read(asked.waivers)} if asked.waivers else {},
    )
    config.stash[terms_key] = terms
    if config.option.collectonly:
        return
    if asked.report:
        from zenml_conformance.report.files import make_room

        make_room(asked.report)
    if _verbosity(config) >= 0:
        reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
        reporter.write_line(f"loading {asked.orchestrator}, ZenML and a new store …")
    if asked.baseline:
        config.stash[baseline_key] = baseline.read(asked.baseline)
    runner, description = launch(config, asked)
    if asked.baseline:
        before = config.stash[baseline_key]
        baseline.refuse_other(before, description.flavor)
        terms = terms.model_copy(update={"known": baseline.broken_in(before)})
    empty = runner.directory / "empty"
    runner.create_store(empty, warm_up=not (terms.rules and are_static(terms.rules)))
    runner.prepare(empty)
    config.stash[description_key] = description
    config.stash[outcomes_key] = {}
    _use(config, runner, terms)


def _join(config: pytest.Config, inherited: dict[str, Any]) -> None:
    """Take part, as a worker of xdist, in a session that another process began."""
    target = TargetSpec.model_validate_json(inherited["target"])
    runner = Runner(Path(inherited["directory"]), inherited["socket"], target)
    runner.servers = inherited["servers"]
    if inherited["users_server"]:
        runner.users_server = UsersServer.model_validate_json(inherited["users_server"])
    runner.connected = inherited["connected"]
    runner.capabilities = [Capability(name) for name in inherited["capabilities"]]
    if inherited["has_stand_in"]:
        runner.call_stand_in()
    _use(config, runner, Terms.model_validate_json(inherited["terms"]))


def _use(config: pytest.Config, runner: Runner, terms: Terms) -> None:
    stand_in = None
    runner.deadline = terms.deadline
    if runner.stand_in:
        runner.stand_in.deadline = terms.deadline
        stand_in = Judge(runner.stand_in.evidence)
    config.stash[runner_key] = runner
    config.stash[terms_key] = terms
    config.stash[judge_key] = Judge(runner.evidence, stand_in)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker where the engine is, and on what terms it judges."""
    runner = node.config.stash.get(runner_key, None)
    if runner:
        node.workerinput[PROPERTY] = {
            "directory": str(runner.directory),
            "socket": runner.engine.socket_path,
            "target": runner.target.model_dump_json(),
            "servers": runner.servers,
            "users_server": yours.model_dump_json() if (yours := runner.users_server) else None,
            "connected": runner.connected,
            "has_stand_in": runner.stand_in is not None,
            "capabilities": [capability.value for capability in runner.capabilities],
            "terms": node.config.stash[terms_key].model_dump_json(),
        }


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over which rules an xdist worker has found to be selected; all find the same."""
    if rules := getattr(node, "workeroutput", {}).get(PROPERTY):
        node.config.stash[selected_key] = frozenset(rules)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Name the orchestrator under test."""
    description = config.stash.get(description_key, None)
    if description is None:
        return []
    return [f"orchestrator: {description.orchestrator} ({_tier(config, description)})"]


def _tier(config: pytest.Config, description: Description) -> str:
    server = ", on a ZenML server" if config.stash[options_key].on_server else ""
    return f"{_backend(config, description)}{server}"


def _backend(config: pytest.Config, description: Description) -> str:
    if description.connected:
        return f"simulated tier: fake backend through {description.harness}"
    if description.connectable:
        return "live tier: its own backend; what that can't show, on the fake backend"
    if config.stash[options_key].tier is Tier.LIVE:
        return "live tier: its own backend"
    return "live tier: its own backend, for the suite knows no way to connect another"


# -- what is judged -------------------------------------------------------------------------


def _rule_of(item: pytest.Item) -> Rule | None:
    """The rule that a test of the suite judges."""
    if isinstance(item, pytest.Function) and item.path.parent == SUITE:
        return RULES[str(item.callspec.params["rule_id"])]
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave other profiles and rules out; with a budget, begin with what matters most."""
    terms = config.stash.get(terms_key, None)
    if terms is None:
        return
    rules = {item: rule for item in items if (rule := _rule_of(item))}
    left_out = [item for item, rule in rules.items() if not terms.includes(rule)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    if terms.deadline is not None:
        order = list(Level)
        items.sort(key=lambda item: order.index(rules[item].level) if item in rules else -1)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note which rules are selected, in whatever way, and start the scenarios that they need."""
    rules = [rule.id for item in session.items if (rule := _rule_of(item))]
    session.config.stash[selected_key] = frozenset(rules)
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[PROPERTY] = rules
    runner = session.config.stash.get(runner_key, None)
    if runner and rules:
        own = runner.servers is not None
        runner.plan(scenarios_of(rules, runner.connected, runner.capabilities, own))
        if runner.stand_in and (unseen := [rule for rule in rules if RULES[rule].needs_jobs]):
            runner.stand_in.plan(scenarios_of(unseen, True, runner.capabilities, own))


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Show how far the scenarios are. The tests then find all evidence at hand.

    Not with `-x` or the like: such a session is to end with the first broken rule.
    """
    config = session.config
    runner = config.stash.get(runner_key, None)
    rules = config.stash.get(selected_key, None)
    if runner is None or not rules or hasattr(config, "workerinput"):
        return
    if config.option.maxfail or _verbosity(config) < -1:
        return
    # A test that needs an engine that has gone says so.
    with _uncaptured(config), suppress(EngineError):
        follow(runner.engine, sys.stdout, runner.deadline)


def _verbosity(config: pytest.Config) -> int:
    """How much to say on the terminal; with `-p no:terminal`, nothing."""
    return int(config.option.verbose) if config.pluginmanager.has_plugin("terminalreporter") else -2


@contextmanager
def _uncaptured(config: pytest.Config) -> Iterator[None]:
    """Show what is printed, though pytest keeps what tests print."""
    capture = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else nullcontext():
        yield


@pytest.fixture(scope="session")
def conformance(pytestconfig: pytest.Config) -> Judge:
    """The judge of the orchestrator under test."""
    return pytestconfig.stash[judge_key]


class RuleBroken(Exception):
    """Fails a rule's test. Its text is all that is shown."""


def judge_in_test(judge: Judge, rule_id: str, request: pytest.FixtureRequest) -> None:
    """Judge a rule and end the test accordingly.

    Args:
        judge: The session's judge.
        rule_id: The rule.
        request: The test's request; takes the outcome along to the reports.

    Raises:
        RuleBroken: If the rule is broken, or crashed.
    """
    terms = request.config.stash[terms_key]
    try:
        outcome = terms.apply(judge.outcome(rule_id))
    except EngineError as error:
        pytest.exit(
            f"the conformance engine is gone, and nothing more can be judged: {error}",
            returncode=pytest.ExitCode.INTERNAL_ERROR,
        )
    told = [outcome]
    if outcome.blocked_by and outcome.blocked_by not in request.config.stash[selected_key]:
        # The rule at the root was not selected. It is reported because it blocks one that was.
        told.append(terms.apply(judge.outcome(outcome.blocked_by)))
    request.node.user_properties += [(PROPERTY, json.dumps(one.to_dict())) for one in told]
    if excuse := terms.excuse_of(outcome):
        pytest.xfail(excuse)  # Does nothing under --runxfail, which asks to see it fail.
    if outcome.status in (Status.FAILED, Status.ERROR, Status.WAIVED):
        raise RuleBroken(explain(outcome))
    if outcome.status is not Status.PASSED:
        pytest.skip(f"{outcome.status.value}: {outcome.detail}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show a broken rule's own words instead of a traceback."""
    report = yield
    if call.excinfo is not None and call.excinfo.errisinstance(RuleBroken):
        report.longrepr = str(call.excinfo.value)
    return report


# -- what it comes to -----------------------------------------------------------------------


class _Collector:
    """Gathers outcomes where the session is controlled, also from xdist's workers."""

    def __init__(self, outcomes: dict[str, Outcome]) -> None:
        self.outcomes = outcomes

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, value in report.user_properties:
            if name == PROPERTY:
                outcome = Outcome.from_dict(json.loads(str(value)))
                self.outcomes[outcome.rule] = outcome


def pytest_sessionstart(session: pytest.Session) -> None:
    """Begin to gather outcomes."""
    outcomes = session.config.stash.get(outcomes_key, None)
    if outcomes is not None:
        session.config.pluginmanager.register(_Collector(outcomes), "conformance-outcomes")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Conclude, write the report, and let no session end well that has not gone well."""
    config = session.config
    outcomes = config.stash.get(outcomes_key, None)
    if outcomes is None:
        return
    failed = False
    if outcomes:
        failed = _conclude(config, outcomes)
    elif config.stash[asked_key]:
        failed = True  # Who names an orchestrator in `addopts` may select other tests alone.
    if failed and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _conclude(config: pytest.Config, outcomes: dict[str, Outcome]) -> bool:
    from zenml_conformance.session import report as build

    runner, asked = config.stash[runner_key], config.stash[options_key]
    description, terms = config.stash[description_key], config.stash[terms_key]
    scenarios = [c.scenarios for c in (runner, runner.stand_in) if c]
    result = config.stash[result_key] = conclude(
        outcomes,
        terms,
        description.capabilities,
        under_claims=build.under_claims(scenarios),
        before=config.stash.get(baseline_key, None),
        strict=asked.strict,
        selected=config.stash.get(selected_key, None),
    )
    failed = bool(result.problems)
    if asked.report:
        from zenml_conformance.report import files  # It draws with Jinja, which takes its time.

        proofs = config.stash.get(proofs_key, [])
        again = build.command(
            asked, config.option.keyword, config.invocation_params.dir, proves=bool(proofs)
        )
        report = build.report(
            result, description, again, scenarios, proofs, on_server=asked.on_server
        )
        try:
            files.write(report, asked.report)
            config.stash[report_key] = f"Report: {asked.report / 'report.html'}"
        except OSError as error:  # There was room for it when the session began.
            config.stash[report_key] = f"Report: it could not be written: {error}"
            failed = True
    return failed


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the verdict."""
    description = config.stash.get(description_key, None)
    if description is None or outcomes_key not in config.stash:
        return
    terminalreporter.section("conformance")
    result = config.stash.get(result_key, None)
    if result is None:
        terminalreporter.line("INCONCLUSIVE: no rule was judged.")
        return
    writer = terminalreporter._tw
    tier = _tier(config, description)
    width = max(60, writer.fullwidth - 1)
    terminalreporter.line(summary(result, description, tier, width, colour=writer.hasmarkup))
    if report_key in config.stash:
        terminalreporter.line(config.stash[report_key])
    runner = config.stash[runner_key]
    if not runner.is_temporary:
        terminalreporter.line(f"Evidence: {runner.scenarios}")
