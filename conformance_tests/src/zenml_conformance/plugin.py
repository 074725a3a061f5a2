"""The pytest plugin: `pytest --orchestrator=REF`."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import yaml

from zenml_conformance.conductor import Conductor
from zenml_conformance.description import Description
from zenml_conformance.engine.process import EngineProcess
from zenml_conformance.engine.protocol import EngineError
from zenml_conformance.judge import Judge, scenarios_of
from zenml_conformance.rule import Capability, Outcome, Status
from zenml_conformance.target_spec import TargetError, TargetSpec
from zenml_conformance.terminal import explain, summary
from zenml_conformance.verdict import Kind, Verdict, reach

SUITE = Path(__file__).parent / "suite"
PROPERTY = "conformance"

conductor_key = pytest.StashKey[Conductor]()
judge_key = pytest.StashKey[Judge]()
description_key = pytest.StashKey[Description]()
asked_key = pytest.StashKey[bool]()
"""Whether `--orchestrator` was given on the command line itself."""
runs_key = pytest.StashKey[bool]()
"""Whether this session runs the suite: with paths beside `addopts` it does not."""
outcomes_key = pytest.StashKey[dict[str, Outcome]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("conformance", "conformance of ZenML orchestrators")
    group.addoption(
        "--orchestrator",
        metavar="REF",
        help="the orchestrator to judge: `package.module:Flavor`, `package.module.Flavor`, a "
        "flavor that ZenML ships (`local`), or `reference`. Runs the installed suite.",
    )
    group.addoption(
        "--orchestrator-config",
        metavar="KEY=VALUE|FILE",
        action="append",
        default=[],
        help="a field of its configuration (the value is read as YAML), or a YAML file of them; "
        "may be repeated, the last one wins",
    )
    group.addoption(
        "--orchestrator-harness",
        metavar="MODULE:CLASS",
        help="how to connect the reference backend; found by itself for projects from the template",
    )
    group.addoption(
        "--tier",
        choices=("simulated", "live"),
        default="simulated",
        help="`simulated` (default): on the suite's reference backend, where one can be connected; "
        "`live`: on the orchestrator's own backend",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Add the installed suite to what is collected.

    Named on the command line, `--orchestrator` runs the suite and whatever paths stand beside it.
    Named in `addopts`, it adds the suite to a bare `pytest` and leaves `pytest some/path` alone.
    """
    options = early_config.known_args_namespace
    if not options.orchestrator or hasattr(early_config, "workerinput"):
        return
    typed = [str(argument) for argument in early_config.invocation_params.args]
    on_command_line = any(argument.startswith("--orchestrator=") for argument in typed) or (
        "--orchestrator" in typed
    )
    early_config.stash[asked_key] = on_command_line
    paths = [path for path in options.file_or_dir if path]
    if on_command_line or not paths:
        early_config.stash[runs_key] = True
        if not on_command_line:
            root = early_config.rootpath
            args += [str(root / path) for path in early_config.getini("testpaths")]
        if str(SUITE) not in args:
            args.append(str(SUITE))


def pytest_configure(config: pytest.Config) -> None:
    """Start the engine, and load the orchestrator under test."""
    if not config.option.orchestrator or config.option.collectonly:
        return
    inherited = getattr(config, "workerinput", {}).get(PROPERTY)
    if not inherited and not config.stash.get(runs_key, False):
        return
    if inherited:
        target = TargetSpec.model_validate_json(inherited["target"])
        conductor = Conductor(Path(inherited["directory"]), inherited["socket"], target)
        conductor.connected = inherited["connected"]
        conductor.capabilities = [Capability(name) for name in inherited["capabilities"]]
    else:
        try:
            conductor = _start(config)
        except (TargetError, EngineError) as error:
            raise pytest.UsageError(str(error)) from None
        config.stash[outcomes_key] = {}
    config.stash[conductor_key] = conductor
    config.stash[judge_key] = Judge(conductor.evidence)


def _start(config: pytest.Config) -> Conductor:
    spec = TargetSpec(
        ref=config.option.orchestrator,
        config=_configuration(config.option.orchestrator_config),
        harness=config.option.orchestrator_harness,
        live=config.option.tier == "live",
    )
    search_path = [path for path in sys.path if path] + [str(config.invocation_params.dir)]
    directory = _directory(config)
    engine = EngineProcess(directory, search_path)
    config.add_cleanup(engine.close)
    conductor = Conductor(directory, engine.socket, spec)
    description = conductor.describe()
    config.stash[description_key] = description
    conductor.connected = description.connected
    conductor.capabilities = description.capabilities
    conductor.prepare()
    return conductor


def _directory(config: pytest.Config) -> Path:
    """A new directory for the session, beside those of sessions that are still running."""
    cache = getattr(config, "cache", None)
    if cache:
        parent: Path = cache.mkdir("conformance")
    else:  # `-p no:cacheprovider`: nothing is to be kept.
        parent = Path(tempfile.mkdtemp())
        config.add_cleanup(lambda: shutil.rmtree(parent, ignore_errors=True))
    for path in parent.iterdir():
        if path.name.isdecimal() and not Path("/proc", path.name).exists():
            shutil.rmtree(path, ignore_errors=True)
    directory = parent / str(os.getpid())
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700)
    return directory


def _configuration(given: list[str]) -> dict[str, Any]:
    configuration: dict[str, Any] = {}
    for text in given:
        key, equals, value = text.partition("=")
        try:
            if equals:
                configuration[key] = yaml.safe_load(value)
                continue
            loaded = yaml.safe_load(Path(text).read_text(encoding="utf-8"))
        except OSError as error:
            raise TargetError(
                f"--orchestrator-config={text}: it is neither KEY=VALUE nor a file that can be "
                f"read ({error.strerror})."
            ) from error
        except yaml.YAMLError as error:
            raise TargetError(f"--orchestrator-config={text}: it is no YAML: {error}") from error
        if not isinstance(loaded, dict):
            raise TargetError(
                f"--orchestrator-config={text}: the file holds {type(loaded).__name__}, not keys "
                "with values."
            )
        configuration.update(loaded)
    return configuration


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker where the engine is."""
    conductor = node.config.stash.get(conductor_key, None)
    if conductor:
        node.workerinput[PROPERTY] = {
            "directory": str(conductor.directory),
            "socket": conductor.engine.socket_path,
            "target": conductor.target.model_dump_json(),
            "connected": conductor.connected,
            "capabilities": [capability.value for capability in conductor.capabilities],
        }


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Name the orchestrator under test."""
    description = config.stash.get(description_key, None)
    if description is None:
        return []
    return [f"orchestrator: {description.orchestrator} ({_tier(config, description)})"]


def _tier(config: pytest.Config, description: Description) -> str:
    if description.connected:
        return f"simulated tier: reference backend through {description.harness}"
    if config.option.tier == "live":
        return "live tier: its own backend"
    return "live tier: its own backend, for the suite knows no way to connect another"


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start the scenarios that the selected rules need."""
    judge = session.config.stash.get(judge_key, None)
    suite = [i for i in session.items if isinstance(i, pytest.Function) and i.path.parent == SUITE]
    if judge and suite:
        rules = [str(item.callspec.params["rule_id"]) for item in suite]
        conductor = session.config.stash[conductor_key]
        conductor.plan(scenarios_of(rules, conductor.connected, conductor.capabilities))


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
    try:
        outcome = judge.outcome(rule_id)
    except EngineError as error:
        pytest.exit(
            f"the conformance engine is gone, and nothing more can be judged: {error}",
            returncode=pytest.ExitCode.INTERNAL_ERROR,
        )
    request.node.user_properties.append((PROPERTY, json.dumps(outcome.to_dict())))
    if outcome.status in (Status.FAILED, Status.ERROR):
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


def _verdict(config: pytest.Config) -> Verdict | None:
    outcomes = config.stash.get(outcomes_key, None)
    return None if outcomes is None else reach(outcomes)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Let no session end well whose verdict is not."""
    verdict = _verdict(session.config)
    if verdict is None or exitstatus not in (
        pytest.ExitCode.OK,
        pytest.ExitCode.NO_TESTS_COLLECTED,
    ):
        return
    # Who names an orchestrator in `addopts` may still select other tests alone.
    nothing = not verdict.outcomes and session.config.stash[asked_key]
    unjudged = verdict.with_status(Status.BLOCKED, Status.ERROR)
    if nothing or unjudged or verdict.kind is Kind.NON_CONFORMANT:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the verdict."""
    verdict = _verdict(config)
    description = config.stash.get(description_key, None)
    if verdict is None or description is None:
        return
    terminalreporter.section("conformance")
    if not verdict.outcomes:
        terminalreporter.line("INCONCLUSIVE: no rule was judged.")
        return
    width = max(60, terminalreporter._tw.fullwidth - 1)
    terminalreporter.line(summary(verdict, description, _tier(config, description), width))
    terminalreporter.line(f"Evidence: {config.stash[conductor_key].scenarios}")
