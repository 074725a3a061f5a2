"""Cron expressions in the words of EventBridge Scheduler."""

from __future__ import annotations

import pytest

from example_pkg.aws_cron import aws_cron


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("* * * * *", "cron(* * * * ? *)"),
        ("30 6 * * *", "cron(30 6 * * ? *)"),
        ("30 6 * * 1-5", "cron(30 6 ? * MON,TUE,WED,THU,FRI *)"),
        ("0 0 1,15 jan *", "cron(0 0 1,15 1 ? *)"),
        ("*/20 8-18/5 * * *", "cron(0,20,40 8,13,18 * * ? *)"),
        ("5/25 0 * * *", "cron(5,30,55 0 * * ? *)"),
        # Sunday has two numbers in cron, and another one in EventBridge.
        ("0 0 * * 0,7", "cron(0 0 ? * SUN *)"),
        ("0 0 * * 5-7", "cron(0 0 ? * SUN,FRI,SAT *)"),
        ("0 0 * * sat", "cron(0 0 ? * SAT *)"),
    ],
)
def test_translation(expression: str, expected: str) -> None:
    """Ranges and steps become lists, which mean the same to both."""
    assert aws_cron(expression) == expected


def test_both_days() -> None:
    """Cron means either of them, which EventBridge can't express."""
    with pytest.raises(ValueError, match="make two schedules"):
        aws_cron("0 0 13 * 5")
