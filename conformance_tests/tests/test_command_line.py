"""The plugin's options, alone and in company."""

from __future__ import annotations

import json
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import jsonschema
import pytest

from commands import run_pytest
from zenml_conformance.contract.rule import Status
from zenml_conformance.contract.rules import RULES
from zenml_conformance.report import model
from zenml_conformance.report.model import read

USAGE_ERROR = pytest.ExitCode.USAGE_ERROR

OWN_TEST = """
def test_of_my_own():
    pass
"""

FAULTY = """
from zenml_conformance.reference.flavor import ReferenceOrchestratorFlavor
from zenml_conformance.reference.orchestrator import ReferenceOrchestrator

class Acme(ReferenceOrchestrator):
    def submit_dynamic_pipeline(self, snapshot, stack, environment, placeholder_run=None):
        raise NotImplementedError

class AcmeFlavor(ReferenceOrchestratorFlavor):
    name = "acme"
    implementation_class = Acme

class HyphenFlavor(ReferenceOrchestratorFlavor):
    name = "acme-cloud"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a test of its own, whose `addopts` name an orchestrator."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_own.py").write_text(OWN_TEST)
    (tmp_path / "acme.py").write_text(FAULTY)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\naddopts = "--orchestrator=reference"\ntestpaths = ["tests"]\n'
    )
    return tmp_path


def test_a_wrong_reference_ends_the_session_with_its_reason(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, "--orchestrator=referense")
    assert done.returncode == USAGE_ERROR
    assert "Did you mean 'reference'?" in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize(
    ("given", "content", "message"),
    [
        ("nosuch.yaml", None, "the file can't be read: No such file"),
        ("list.yaml", "- 1", "the file holds list, not keys with values."),
        ("broken.yaml", "a: [", "it is no YAML"),
        ("topology=[", None, "it is no YAML"),
    ],
)
def test_a_configuration_that_can_not_be_read(
    given: str, content: str | None, message: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / given).write_text(content)
    done = run_pytest(tmp_path, "--orchestrator=reference", f"--orchestrator-config={given}")
    assert done.returncode == USAGE_ERROR
    assert f"--orchestrator-config={given}: {message}" in done.stdout


def test_the_last_value_of_a_field_wins(tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_text("topology: mesh\nsynchronous: false\n")
    done = run_pytest(
        tmp_path,
        "--orchestrator=reference",
        "--orchestrator-config=acme.yaml",
        "--orchestrator-config=topology=ring",
    )
    assert done.returncode == USAGE_ERROR
    assert "refuses topology='ring'" in done.stdout


def test_nothing_judged_is_an_error(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, "--orchestrator=reference", "-k", "nosuch")
    assert done.returncode != 0
    assert "INCONCLUSIVE: no rule was judged." in done.stdout


def test_bare_pytest_runs_both(project: Path) -> None:
    done = run_pytest(project, "--conformance-rules=PKG-4", "-rA")
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    assert "INCONCLUSIVE (SELECTED RULES ONLY): 1 of" in done.stdout


def test_other_tests_may_be_selected_alone(project: Path) -> None:
    done = run_pytest(project, "-k", "of_my_own")
    assert done.returncode == 0, done.stdout
    assert "INCONCLUSIVE: no rule was judged." in done.stdout


@pytest.mark.parametrize(
    "path", ["tests", "tests/test_own.py", "tests/test_own.py::test_of_my_own"]
)
def test_a_path_beside_addopts_runs_only_what_it_names(project: Path, path: str) -> None:
    done = run_pytest(project, path)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
    assert "INCONCLUSIVE" not in done.stdout


def test_a_path_on_the_command_line_runs_beside_the_suite(project: Path) -> None:
    done = run_pytest(
        project,
        *("-o", "addopts=", "--orchestrator", "reference", "tests"),
        "--conformance-rules=PKG-4",
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_the_rules_can_be_listed_without_an_engine(project: Path) -> None:
    done = run_pytest(project, "--collect-only", "-q")
    assert done.returncode == 0, done.stdout
    assert "test_rule[RUNID-1]" in done.stdout
    assert "test_of_my_own" in done.stdout


def test_a_broken_rule_is_explained_in_its_own_words(project: Path) -> None:
    """To the terminal and to JUnit; other rules go on."""
    report = project / "junit.xml"
    done = run_pytest(
        project,
        "--override-ini=addopts=",
        "--orchestrator=acme:AcmeFlavor",
        "--conformance-rules=PKG-1,PKG-4,PKG-5",
        f"--junitxml={report}",
    )
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "PKG-4 (MUST): A method that declares a capability does something." in done.stdout
    for part in ("Seen: overridden, but without a body: submit_dynamic", "Why: ", "Fix: "):
        assert part in done.stdout
    assert "Traceback" not in done.stdout
    assert "judge_in_test" not in done.stdout
    assert "NON-CONFORMANT (SELECTED RULES ONLY): 2 of 3 MUST rules" in done.stdout
    (case,) = [
        case
        for case in ElementTree.parse(report).iter("testcase")  # noqa: S314 - pytest wrote it
        if "PKG-4" in case.attrib["name"]
    ]
    (conformance,) = [item for item in case.iter("property")]
    outcome = json.loads(conformance.attrib["value"])
    assert (outcome["rule"], outcome["status"]) == ("PKG-4", "failed")
    assert case.find("failure") is not None


WAIVERS = """
- rule: PKG-4
  reason: the stub is of a version that nobody runs
  owner: platform
  expires: 2999-12-31
"""

ACME = (
    "--override-ini=addopts=",
    "--orchestrator=acme:AcmeFlavor",
    "--conformance-rules=PKG-4,SUB-1",
)


def test_a_report_becomes_a_baseline_and_a_waiver_an_excuse(project: Path) -> None:
    """One broken rule: reported, then known, then waived."""
    done = run_pytest(project, *ACME, "--conformance-report=out")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert f"Report: {project / 'out' / 'report.html'}" in done.stdout
    assert "  ! broken: PKG-4" in done.stdout
    schema = json.loads((Path(model.__file__).parent / "report.schema.json").read_text())
    jsonschema.validate(json.loads((project / "out" / "report.json").read_text()), schema)
    reported = read(project / "out" / "report.json")
    assert [rule.id for rule in reported.with_status(Status.FAILED)] == ["PKG-4"]
    assert reported.command == (
        "pytest --orchestrator=acme:AcmeFlavor --conformance-rules=PKG-4,SUB-1"
    )
    assert {scenario.name for scenario in reported.scenarios} >= {"diamond"}
    for name in ("report.md", "report.html", "badge.svg"):
        assert "PKG-4" in (project / "out" / name).read_text() or name == "badge.svg"

    done = run_pytest(project, *ACME, "--conformance-baseline=out/report.json")
    assert done.returncode == 0, done.stdout
    assert "1 xfailed" in done.stdout
    assert "nothing is different" in done.stdout
    assert "NON-CONFORMANT (SELECTED RULES ONLY): " in done.stdout

    (project / "waivers.yaml").write_text(WAIVERS)
    waived = "--override-ini=conformance_waivers=waivers.yaml"
    done = run_pytest(project, *ACME, waived, "-n", "2", "--conformance-report=waived")
    assert done.returncode == 0, done.stdout
    assert "1 xfailed" in done.stdout
    assert "PKG-4    the stub is of a version that nobody runs (platform, until" in done.stdout
    assert read(project / "waived" / "report.json").with_status(Status.WAIVED)


def test_a_waiver_that_is_not_needed_fails_the_session(project: Path) -> None:
    (project / "waivers.yaml").write_text(WAIVERS)
    arguments = ("--conformance-rules=PKG-4", "--conformance-waivers=waivers.yaml")
    done = run_pytest(project, *arguments)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "2 passed" in done.stdout
    assert "! the waiver for PKG-4 is not needed: the rule holds. Remove it." in done.stdout


@pytest.mark.parametrize(
    "selection",
    [
        ("--conformance-rules=PKG-6",),
        ("--conformance-rules=PKG-6", "-n", "2"),
        ("-k", "PKG-6"),
    ],
    ids=" ".join,
)
def test_what_a_selected_rule_stands_on_is_not_reported(
    selection: tuple[str, ...], tmp_path: Path
) -> None:
    """In whatever way it was selected."""
    done = run_pytest(tmp_path, "--orchestrator=reference", *selection, "--conformance-report=out")
    assert done.returncode == 0, done.stdout
    others = len(RULES) - 1
    assert (
        "\nINCONCLUSIVE (SELECTED RULES ONLY): 1 of 1 MUST rules that apply hold; "
        f"{others} rules were not selected.\n"
    ) in done.stdout
    reported = read(tmp_path / "out" / "report.json")
    assert [rule.id for rule in reported.rules] == ["PKG-6"]
    assert [profile.profile for profile in reported.profiles] == [RULES["PKG-6"].profile]
    assert len(reported.left_out) == others


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_a_rule_that_blocks_a_selected_one_is_reported(
    workers: tuple[str, ...], project: Path
) -> None:
    done = run_pytest(
        project,
        *("--override-ini=addopts=", "--orchestrator=acme:HyphenFlavor"),
        *("--conformance-rules=PKG-6", "--conformance-report=out", *workers),
    )
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    told = done.stdout[done.stdout.index("blocked by PKG-1: PKG-6\n") :]
    assert "\n    Seen: the flavor is called 'acme-cloud', which is no identifier\n" in told
    assert (
        "\nNON-CONFORMANT (SELECTED RULES ONLY): 0 of 2 MUST rules that apply hold; broken: PKG-1; "
        f"blocked: PKG-6; {len(RULES) - 2} rules were not selected.\n"
    ) in told
    reported = read(project / "out" / "report.json")
    assert [(rule.id, rule.status) for rule in reported.rules] == [
        ("PKG-1", Status.FAILED),
        ("PKG-6", Status.BLOCKED),
    ]


def test_other_tests_may_import_zenml_before(tmp_path: Path) -> None:
    """In xdist's workers, too, whose main module has no file."""
    (tmp_path / "conftest.py").write_text("import zenml.pipelines\n")
    done = run_pytest(tmp_path, "--orchestrator=reference", "--conformance-rules=PKG-6", "-n", "2")
    assert done.returncode == pytest.ExitCode.OK, done.stdout


def test_without_a_terminal_it_judges_in_silence(tmp_path: Path) -> None:
    done = run_pytest(
        tmp_path, "--orchestrator=reference", "--conformance-rules=PKG-6", "-p", "no:terminal"
    )
    assert (done.returncode, done.stdout) == (pytest.ExitCode.OK, "")


def test_what_the_budget_does_not_reach_is_named(tmp_path: Path) -> None:
    began = time.monotonic()
    done = run_pytest(
        tmp_path,
        "--orchestrator=reference",
        "--conformance-rules=DEAD-1,RES-5",
        "--conformance-budget=0.01",
    )
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "not reached: " in done.stdout
    assert "! a MUST that was not reached in time: DEAD-1" in done.stdout
    assert "INCONCLUSIVE (SELECTED RULES ONLY): " in done.stdout
    assert time.monotonic() - began < 120


@pytest.mark.parametrize(
    ("argument", "complaint"),
    [
        ("--conformance-waivers=nosuch.yaml", "the file can't be read"),
        ("--conformance-profile=resorces", "Did you mean 'resources'?"),
        ("--conformance-report=acme.py/out", "nothing can be written there"),
    ],
)
def test_what_can_not_be_used_is_said_before_anything_runs(
    argument: str, complaint: str, project: Path
) -> None:
    done = run_pytest(project, argument)
    assert done.returncode == USAGE_ERROR
    assert complaint in done.stdout
    assert not (project / ".pytest_cache" / "d").exists()


@pytest.mark.parametrize("where", ["a file of arguments", "PYTEST_ADDOPTS"])
def test_named_for_this_session_it_is_judged_beside_paths(where: str, project: Path) -> None:
    (project / "judge.args").write_text("--orchestrator=reference\n")
    arguments, variables = ["@judge.args"], {}
    if where == "PYTEST_ADDOPTS":
        arguments, variables = [], {"PYTEST_ADDOPTS": "--orchestrator reference"}
    done = run_pytest(
        project, *arguments, "-o", "addopts=", "tests", "--collect-only", "-q", **variables
    )
    assert done.returncode == 0, done.stdout
    assert "test_of_my_own" in done.stdout
    assert "test_rule[SUB-1]" in done.stdout


def test_a_session_says_what_it_leaves_out(project: Path) -> None:
    done = run_pytest(project, "tests", "-q")
    assert "conformance: reference was not judged, since paths were given." in done.stdout


NOTHING_OF_THE_SUITE = """
import sys

def test_own():
    loaded = {name.partition(".")[0] for name in sys.modules}
    assert not loaded & {"zenml", "pydantic", "yaml", "rich", "jinja2", "psutil"}
    ours = sorted(name for name in sys.modules if name.startswith("zenml_conformance"))
    assert len(ours) < 20, ours
"""


def test_a_session_that_judges_nothing_loads_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text(NOTHING_OF_THE_SUITE)
    done = run_pytest(tmp_path)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("arguments", "ini", "complaint"),
    [
        (["--orchestrator="], "", "--orchestrator=: the value is empty"),
        (["--orchestrator=x\udcff"], "", "--orchestrator=x\\udcff: the value is not UTF-8"),
        (["--conformance-waivers="], "", "--conformance-waivers=: the value is empty"),
        (["--conformance-waivers=."], "", "can't be read"),
        (["--conformance-profile= "], "", "--conformance-profile= : the value is empty"),
        (
            ["--conformance-baseline=acme.py"],
            "",
            "acme.py is no report of this suite: it is no JSON",
        ),
        (["--orchestrator-config=1: 2"], "", "is taken for a file"),
        (["--orchestrator-config==1"], "", "there is no field before the `=`"),
        ([], "orchestrator = ['x']", "`orchestrator` in pytest's configuration is ['x']"),
        ([], "conformance_profile = ['static']", "`conformance_profile` in pytest's"),
        ([], "conformance_waivers = ['a']", "`conformance_waivers` in pytest's"),
        ([], "conformance_strict = 'perhaps'", "`conformance_strict` in pytest's"),
        ([], "conformance_rules = [1]", "`conformance_rules` in pytest's configuration has 1"),
        (["--conformance-rules="], "", "--conformance-rules=: the value is empty"),
        (["--conformance-rules=ENVY"], "", "--conformance-rules=ENVY: there is no such area or"),
        ([], "orchestrator_config = [1]", "`orchestrator_config` in pytest's configuration has 1"),
        ([], 'conformance_report = "a\\u0000b"', "nothing can be written there"),
        ([], 'conformance_waivers = "a\\u0000b"', "can't be read"),
    ],
)
def test_rubbish_is_refused_in_a_sentence(
    arguments: list[str], ini: str, complaint: str, project: Path
) -> None:
    """Before an engine is started, and in whatever encoding the terminal is."""
    with (project / "pyproject.toml").open("a") as file:
        file.write(ini)
    given = any(argument.startswith("--orchestrator=") for argument in arguments)
    addopts = ["-o", "addopts="] if given or ini.startswith("orchestrator =") else []
    done = run_pytest(project, *arguments, *addopts, "-k", "no rule", PYTHONIOENCODING="ascii")
    assert done.returncode == USAGE_ERROR, done.stdout
    assert complaint in done.stdout
    assert "Traceback" not in done.stdout and "INTERNALERROR" not in done.stdout
    assert len([line for line in done.stdout.splitlines() if "ERROR" in line]) == 1


def test_a_terminal_that_is_not_utf_8_shows_lines_all_the_same(project: Path) -> None:
    (project / "waivers.yaml").write_text(WAIVERS.replace("nobody", "nöbody"))
    done = run_pytest(
        project,
        *ACME[:2],
        "--conformance-rules=PKG-4",
        "--conformance-waivers=waivers.yaml",
        PYTHONIOENCODING="ascii",
    )
    assert done.returncode == 0, done.stdout
    assert "PKG-4    the stub is of a version that n\\xf6body runs (platform" in done.stdout
    for question in ("--list-rules", "--explain=RUNID-2"):
        done = run_pytest(project, question, PYTHONIOENCODING="ascii")
        assert done.returncode == 0, done.stdout
        assert "RUNID-2" in done.stdout


HOSTILE_BYTES = r"""
import os
os.write(1, b"\xff\xfe broken \x80\n" * 5)
os._exit(3)
"""


def test_what_an_orchestrator_prints_need_not_be_text(project: Path) -> None:
    (project / "acme.py").write_text(HOSTILE_BYTES)
    done = run_pytest(project, *ACME[:2])
    assert done.returncode == USAGE_ERROR, done.stdout
    assert "could not be loaded (exit code 3)" in done.stdout
    assert "\ufffd broken" in done.stdout


def test_where_nothing_can_be_written_it_judges_all_the_same(project: Path) -> None:
    """The cache of pytest can't be made here: its place is taken by a file."""
    (project / ".pytest_cache").write_text("")
    temporary = project / "tmp"
    temporary.mkdir()
    done = run_pytest(project, "--conformance-rules=PKG-1", TMPDIR=str(temporary))
    assert done.returncode == 0, done.stdout
    assert "Evidence" not in done.stdout
    assert not list(temporary.iterdir())
