"""Options, and their twins in pytest's configuration."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from zenml_conformance.contract.rule import Profile, Tier
from zenml_conformance.contract.rules import RULES
from zenml_conformance.engine import zenml_servers
from zenml_conformance.errors import OptionError
from zenml_conformance.session.options import ALONE_USELESS, KEY_VARIABLE, Options, orchestrator

pytest_plugins = ["pytester"]

TWINS = """
[tool.pytest.ini_options]
orchestrator = "acme:Flavor"
orchestrator_config = ["url=https://acme.example", "fields.yaml", "size=1"]
orchestrator_harness = "acme:Harness"
conformance_tier = "live"
conformance_store = "server"
conformance_patience = 240
conformance_profile = "dynamic,static"
conformance_rules = ["ENV", "stop-1, RES"]
conformance_budget = 90
conformance_waivers = "ci/waivers.yaml"
conformance_baseline = "ci/report.json"
conformance_strict = true
conformance_report = "build/report"
"""


def options(pytester: pytest.Pytester, *arguments: str) -> Options:
    """What is asked for in a directory below the one with the configuration."""
    below = pytester.path / "below"
    below.mkdir(exist_ok=True)
    pytester.chdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(below)
        return Options.of(pytester.parseconfig(f"--rootdir={pytester.path}", *arguments))


def test_every_option_has_a_twin(pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml(TWINS)
    (pytester.path / "fields.yaml").write_text("size: 7\nqueue: slow\n")
    root = pytester.path
    assert options(pytester, f"-c{root}/pyproject.toml") == Options(
        orchestrator="acme:Flavor",
        config={"url": "https://acme.example", "size": 1, "queue": "slow"},
        harness="acme:Harness",
        tier=Tier.LIVE,
        store="server",
        patience=240.0,
        profiles=(Profile.STATIC, Profile.DYNAMIC),
        rules=("ENV", "STOP-1", "RES"),
        budget=90.0,
        waivers=root / "ci/waivers.yaml",
        baseline=root / "ci/report.json",
        strict=True,
        report=root / "build/report",
    )


def test_the_command_line_wins(pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml(TWINS.replace('"fields.yaml", ', ""))
    asked = options(
        pytester,
        f"-c{pytester.path}/pyproject.toml",
        "--orchestrator=reference",
        "--orchestrator-config=size=2",
        "--orchestrator-harness=other:Harness",
        "--conformance-tier=simulated",
        "--conformance-store=sqlite",
        "--conformance-patience=60",
        "--conformance-profile=resources",
        "--conformance-rules=ENV,DAG-1",
        "--conformance-rules=dag-1",
        "--conformance-budget=5",
        "--conformance-waivers=mine.yaml",
    )
    assert asked.orchestrator == "reference"
    assert asked.config == {"url": "https://acme.example", "size": 2}
    assert asked.harness == "other:Harness"
    assert asked.tier is Tier.SIMULATED
    assert (asked.on_server, asked.server_url) == (False, None)
    assert asked.patience == 60.0
    assert asked.profiles == (Profile.RESOURCES,)
    assert asked.rules == ("ENV", "DAG-1")
    assert asked.budget == 5.0
    # What is typed is meant from where one stands.
    assert asked.waivers == pytester.path / "below" / "mine.yaml"


def test_nothing_asked_for(pytester: pytest.Pytester) -> None:
    config = pytester.parseconfig()
    assert orchestrator(config, config.option) is None
    assert Options.of(config) == Options(
        orchestrator="",
        config={},
        harness=None,
        tier=Tier.SIMULATED,
        store="sqlite",
        patience=30.0,
        profiles=(),
        rules=(),
        budget=None,
        waivers=None,
        baseline=None,
        strict=False,
        report=None,
    )


@pytest.mark.parametrize(
    ("argument", "complaint"),
    [
        ("--conformance-profile=static,resorces", "Did you mean 'resources'?"),
        (
            "--conformance-rules=ENV,ENVY",
            "--conformance-rules=ENVY: there is no such area or rule.",
        ),
        ("--conformance-rules=ENVY", "Did you mean ENV? The areas are SUB, CONC, RUNID, DAG, "),
        ("--conformance-rules=ENV-99", "a rule is named by its id, such as SUB-1"),
        ("--conformance-rules=ENV,", "--conformance-rules=ENV,: there is no such area or rule."),
        ("--conformance-rules=,", "--conformance-rules=,: there is no such area or rule."),
        ("--conformance-store=redis", "--conformance-store=redis: give one of sqlite, server"),
        ("--conformance-store=redis", "or the URL of a ZenML server"),
        ("--conformance-store=ftp://a", "give one of sqlite, server, or the URL"),
        ("--conformance-store=https://", "give one of sqlite, server, or the URL"),
        ("--conformance-store=http://[", "give one of sqlite, server, or the URL"),
        ("--conformance-store=https://me:pw@a", "the URL has more in it than an address"),
        ("--conformance-tier=dead", "--conformance-tier=dead: give one of simulated, live"),
        ("--conformance-budget=soon", "--conformance-budget=soon: give a number of seconds"),
        ("--conformance-budget=-1", "above 0"),
        ("--conformance-budget=inf", "above 0"),
        ("--conformance-budget=nan", "above 0"),
        ("--conformance-patience=0", "--conformance-patience=0: give a number of seconds, above 0"),
    ],
)
def test_what_makes_no_sense_is_refused(
    argument: str, complaint: str, pytester: pytest.Pytester
) -> None:
    with pytest.raises(OptionError) as error:
        Options.of(pytester.parseconfig(argument))
    assert complaint in str(error.value)


@pytest.mark.parametrize("name", ALONE_USELESS)
def test_what_says_how_to_judge_needs_something_to_judge(
    name: str, pytester: pytest.Pytester
) -> None:
    option = f"--{name.replace('_', '-')}"
    value = [] if name == "conformance_strict" else ["x=y"]
    done = pytester.runpytest(option, *value)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines([f"ERROR: {option}: there is nothing to judge.*"])


def test_the_suite_is_added_for_an_orchestrator_in_the_configuration(
    pytester: pytest.Pytester,
) -> None:
    """To a bare `pytest`, and not beside paths."""
    pytester.makepyprojecttoml('[tool.pytest.ini_options]\norchestrator = "reference"\n')
    pytester.makepyfile("def test_own(): pass")
    everything = pytester.runpytest("--collect-only", "-q")
    everything.stdout.fnmatch_lines(["*test_rule?SUB-1?"])
    own = pytester.runpytest("--collect-only", "-q", str(next(Path(pytester.path).glob("test_*"))))
    own.stdout.no_fnmatch_line("*test_rule*")


def test_a_profile_leaves_the_other_rules_out(pytester: pytest.Pytester) -> None:
    listed = pytester.runpytest(
        "--orchestrator=reference", "--collect-only", "-q", "--conformance-profile=resources"
    )
    listed.stdout.fnmatch_lines(["*test_rule?RES-1?", "*deselected*"])
    listed.stdout.no_fnmatch_line("*test_rule?SUB-1?")


def test_a_selection_leaves_the_other_rules_out(pytester: pytest.Pytester) -> None:
    """Where pytest's `-k ENV` would take all of them, too: below a directory called so."""
    below = pytester.mkdir("venv")
    listed = pytester.runpytest(
        f"--rootdir={below}",
        "--orchestrator=reference",
        "--collect-only",
        "-q",
        "--conformance-rules=ENV",
        "--conformance-rules=stop-1",
    )
    ids = re.findall(r"test_rule\[(.+)\]", listed.stdout.str())
    assert ids == [rule for rule in RULES if rule.startswith("ENV-") or rule == "STOP-1"]


def test_a_selection_leaves_tests_of_ones_own_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_own(): pass")
    listed = pytester.runpytest(
        "--orchestrator=reference", "--collect-only", "-q", "--conformance-rules=ENV-1", "."
    )
    listed.stdout.fnmatch_lines(["*::test_own", "*test_rule?ENV-1?", "2/* tests collected*"])


def test_a_budget_begins_with_what_matters_most(pytester: pytest.Pytester) -> None:
    arguments = (
        "--orchestrator=reference",
        "--collect-only",
        "-q",
        "--conformance-rules=RES-5,SET-1",
    )
    in_order = pytester.runpytest(*arguments)
    in_order.stdout.fnmatch_lines(["*test_rule?RES-5?", "*test_rule?SET-1?"])
    hurried = pytester.runpytest(*arguments, "--conformance-budget=60")
    hurried.stdout.fnmatch_lines(["*test_rule?SET-1?", "*test_rule?RES-5?"])


@pytest.mark.parametrize("name", ["RUNID-2", "runid-2"])
def test_a_rule_explains_itself(name: str, pytester: pytest.Pytester) -> None:
    """Without an orchestrator, and whatever tests there are."""
    pytester.makepyfile("raise SystemExit")
    done = pytester.runpytest(f"--explain={name}")
    assert done.ret == 0
    done.stdout.fnmatch_lines(
        [
            "RUNID-2: Each firing of a snapshot has a run id of its own.",
            "  Level:    MUST",
            "  Profile:  static",
            "  Why: *",
            "  Fix: *",
            "    fired_twice: *",
        ]
    )


def test_the_nearest_rule_is_named(pytester: pytest.Pytester) -> None:
    done = pytester.runpytest("--explain=RUNNID-2")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*there is no such rule. Did you mean RUNID-2?*"])


def test_rules_are_listed(pytester: pytest.Pytester) -> None:
    done = pytester.runpytest("--list-rules", "--conformance-profile=resources")
    assert done.ret == 0
    done.stdout.fnmatch_lines(["RES-1 * MUST * resources * What a step asks for *", "* rules. *"])
    done.stdout.no_fnmatch_line("SUB-1*")
    done = pytester.runpytest("--list-rules", "--conformance-rules=RES-1")
    done.stdout.fnmatch_lines(["RES-1 *", "1 rules. *"])


def test_a_server_asks_who_you_are(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is in no option: those are printed, and go into the report."""
    url = "--conformance-store=https://zenml.acme.test"
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    with pytest.raises(OptionError, match=f"Set {KEY_VARIABLE} to the API key"):
        options(pytester, "--orchestrator=reference", url)
    monkeypatch.setenv(KEY_VARIABLE, "ZENKEY_x")
    asked = options(pytester, "--orchestrator=reference", url)
    assert (asked.on_server, asked.server_url) == (True, "https://zenml.acme.test")


def test_a_server_takes_more_packages(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zenml_servers, "are_installed", lambda: False)
    with pytest.raises(OptionError, match=r"pip install 'zenml-conformance\[server\]'"):
        options(pytester, "--orchestrator=reference", "--conformance-store=server")
