"""Cron expressions in the words of EventBridge Scheduler."""

from __future__ import annotations

from .core.schedules import CRON_FIELDS

DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


def aws_cron(expression: str) -> str:
    """Translate a cron expression, field by field into lists of values.

    EventBridge Scheduler counts the days of the week from 1, has a field for the year, and wants a
    question mark in one of the fields for days.

    Args:
        expression: Minute, hour, day of the month, month, day of the week.

    Returns:
        What `ScheduleExpression` takes.

    Raises:
        ValueError: If it sets both days: cron then means either, which Scheduler can't express.
    """
    fields = expression.lower().split()
    minute, hour, day, month, weekday = (
        _values(field, low, high, names.split())
        for field, (_, low, high, names) in zip(fields, CRON_FIELDS, strict=True)
    )
    if day and weekday:
        raise ValueError(
            f"The cron expression {expression!r} sets both the day of the month and the day of the "
            "week. EventBridge Scheduler takes one of them; make two schedules."
        )
    days = ",".join(DAYS[number] for number in sorted({value % 7 for value in weekday}))
    dates = _list(day) if day or not days else "?"
    return f"cron({_list(minute)} {_list(hour)} {dates} {_list(month)} {days or '?'} *)"


def _list(values: list[int]) -> str:
    return ",".join(map(str, values)) or "*"


def _values(field: str, low: int, high: int, names: list[str]) -> list[int]:
    """Return the values that a field names; none if it is an asterisk."""
    if field == "*":
        return []

    def number(text: str) -> int:
        return low + names.index(text) if text in names else int(text)

    values: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        start = low if first == "*" else number(first)
        end = number(last) if dash else start
        if first == "*" or (step and not dash):
            end = high
        values.update(range(start, end + 1, int(step or 1)))
    return sorted(values)
