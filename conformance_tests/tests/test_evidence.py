"""Evidence: what was not seen says so, in the process that saw it and in the one that judges."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from zenml_conformance.context.evidence import Access, Done, Standing
from zenml_conformance.contract.rule import NotSeen
from zenml_conformance.scenarios.diamond import Diamond
from zenml_conformance.scenarios.stopped import Stopped


def not_stopped(path: Path) -> list[Stopped]:
    """Evidence of a scenario that did not get as far as a stop, before it is read and after."""
    evidence = Stopped(scenario="stopped", simulated=True, jobs=[], bystander_ran=False)
    evidence.write(path)
    return [evidence, Stopped.read(path)]


def test_what_was_not_seen_says_so_when_it_is_touched(tmp_path: Path) -> None:
    for evidence in not_stopped(tmp_path / "stopped.json"):
        with pytest.raises(NotSeen, match="no run got far enough to be stopped"):
            _ = evidence.stop
        assert not evidence.shows("stop")


def test_what_was_seen_to_be_nothing_is_something(tmp_path: Path) -> None:
    for evidence in not_stopped(tmp_path / "stopped.json"):
        assert evidence.jobs == []
        assert evidence.bystander_ran is False


def test_what_is_filled_in_later_is_there(tmp_path: Path) -> None:
    evidence = not_stopped(tmp_path / "stopped.json")[0]
    evidence.stop = Done()
    evidence.after_stop = Standing(status="stopping", in_progress=True)
    evidence.write(tmp_path / "stopped.json")
    read = Stopped.read(tmp_path / "stopped.json")
    assert read.stop.raised is None
    assert read == evidence


@pytest.mark.parametrize("name", ["jobs", "refused", "schedules", "step_jobs", "recorded"])
def test_without_the_fake_backend_no_list_of_jobs_is_empty(name: str) -> None:
    with pytest.raises(NotSeen, match="only jobs show it"):
        getattr(Diamond(scenario="diamond", simulated=False), name)


def token(**claims: str) -> str:
    """Make what a ZenML server gives out, without a signature."""
    payload = base64.urlsafe_b64encode(json.dumps({"sub": "4711", **claims}).encode())
    return f"header.{payload.decode().rstrip('=')}.signature"


@pytest.mark.parametrize(
    ("given", "whose"),
    [
        (token(), "user"),
        (token(pipeline_run_id="0815"), "run 0815"),
        (token(schedule_id="42"), "schedule 42"),
        ("no token", "nobody that ZenML knows"),
        ("a.bm8gSlNPTg.c", "nobody that ZenML knows"),
        ("a.W10.c", "nobody that ZenML knows"),
    ],
)
def test_whose_token_it_is(given: str, whose: str) -> None:
    assert Access.of({"ZENML_STORE_API_TOKEN": given}).token == whose


def test_what_outlives_a_token_is_named_and_not_kept() -> None:
    access = Access.of({"ZENML_STORE_PASSWORD": "", "ZENML_STORE_API_KEY": "ZENKEY_abc"})
    assert access.token is None
    assert "ZENKEY" not in access.model_dump_json()
    assert access.others == ["ZENML_STORE_API_KEY", "ZENML_STORE_PASSWORD"]


HEAVY = {"zenml", "sqlalchemy", "zenml_conformance.context.scenario_context"}
"""What takes long to import, and pytest or a step's process does not need."""


def test_rules_and_scenarios_are_imported_without_what_is_heavy() -> None:
    code = (
        f"import sys, zenml_conformance.contract.rules; print({HEAVY} & set(sys.modules) or 'none')"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "none\n"
