"""A selection of rules: whole areas, by the prefix of their ids, or single rules."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from zenml_conformance.contract.rules import RULES
from zenml_conformance.scenarios.diamond import Diamond
from zenml_conformance.scenarios.inspection import Inspection
from zenml_conformance.scenarios.killed import Killed
from zenml_conformance.scenarios.step_process import StepProcess
from zenml_conformance.scenarios.stopped import Stopped

QUICK = "quick"
"""The name of the selection of rules that few, short scenarios show."""

QUICK_SCENARIOS = {
    Inspection.SCENARIO,
    Diamond.SCENARIO,
    Killed.SCENARIO,
    StepProcess.SCENARIO,
    Stopped.SCENARIO,
}
"""They show on a slow backend, too, within minutes, what most often goes wrong."""


class UnknownRules(ValueError):
    """A name is neither an area's nor a rule's. The message says what there is."""


def area_of(rule_id: str) -> str:
    """Give the area of a rule: `ENV` for `ENV-1`."""
    return rule_id.rpartition("-")[0]


def areas() -> list[str]:
    """List the areas, in the order of the specification."""
    return list(dict.fromkeys(map(area_of, RULES)))


def select(names: Iterable[str]) -> frozenset[str]:
    """Find the rules that areas and ids stand for.

    Args:
        names: `ENV`, `ENV-1` or `quick`; in upper or lower case.

    Returns:
        The rules' ids.

    Raises:
        UnknownRules: If there is no such area or rule.
    """
    selected: set[str] = set()
    for name in names:
        word = name.upper()
        found = [rule for rule in RULES if word in (rule, area_of(rule))]
        if word == QUICK.upper():
            found = [
                rule.id for rule in RULES.values() if QUICK_SCENARIOS.issuperset(rule.scenarios)
            ]
        if not found:
            near = difflib.get_close_matches(word, [*areas(), *RULES], n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise UnknownRules(
                f"there is no such area or rule.{hint} The areas are {', '.join(areas())}; a rule "
                f"is named by its id, such as {next(iter(RULES))}; `{QUICK}` is a selection that "
                "takes little time."
            )
        selected.update(found)
    return frozenset(selected)
