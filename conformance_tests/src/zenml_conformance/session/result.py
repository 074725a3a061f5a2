"""What a session comes to: the verdict, and why the session fails, if it does."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from zenml_conformance.context.evidence import UnderClaim
from zenml_conformance.contract import claims
from zenml_conformance.contract.claims import Claim
from zenml_conformance.contract.rule import Capability, Level, Outcome, Status
from zenml_conformance.contract.rules import RULES
from zenml_conformance.judging import waivers
from zenml_conformance.judging.terms import Terms
from zenml_conformance.judging.verdict import Kind, Verdict, reach
from zenml_conformance.judging.waivers import Entry
from zenml_conformance.report import baseline
from zenml_conformance.report.model import Change, Report


@dataclass(frozen=True)
class Result:
    """What a session comes to.

    Attributes:
        verdict: The verdict.
        claims: What is declared, and what was shown.
        ledger: What became of each waiver.
        change: What is different from the baseline; None: there is no baseline.
        problems: Why the session fails; empty: it does not.
    """

    verdict: Verdict
    claims: list[Claim]
    ledger: list[Entry]
    change: Change | None
    problems: list[str]


def conclude(
    outcomes: Mapping[str, Outcome],
    terms: Terms,
    declared: Sequence[Capability] = (),
    *,
    under_claims: Sequence[UnderClaim] = (),
    before: Report | None = None,
    strict: bool = False,
    selected: Collection[str] | None = None,
) -> Result:
    """Conclude.

    Args:
        outcomes: What became of the rules that were judged.
        terms: On what terms.
        declared: The capabilities that the orchestrator declares.
        under_claims: What works without being declared.
        before: The baseline.
        strict: Whether any verdict but conformant fails the session.
        selected: The rules that were to be judged; None: all of them.

    Returns:
        The result.
    """
    verdict = reach(dict(outcomes), terms.profiles, selected=selected)
    ledger = waivers.ledger(list(terms.waivers.values()), outcomes, terms.today)
    change = baseline.compare(before, outcomes, selected) if before else None
    problems = [entry.problem for entry in ledger if entry.problem]
    if change is None:
        problems = _out_of_order(verdict) + problems
    elif change.broken:
        problems.insert(0, f"not in order, and it was in the baseline: {', '.join(change.broken)}")
    if strict and verdict.kind is not Kind.CONFORMANT:
        problems.append(f"--conformance-strict: the verdict is {verdict.kind.value}")
    return Result(verdict, claims.check(declared, outcomes, under_claims), ledger, change, problems)


def _out_of_order(verdict: Verdict) -> list[str]:
    late = [o for o in verdict.with_status(Status.NOT_REACHED) if RULES[o.rule].level is Level.MUST]
    found = {
        "broken": verdict.with_status(Status.FAILED),
        "crashed": verdict.with_status(Status.ERROR),
        "blocked": verdict.with_status(Status.BLOCKED),
        "a MUST that was not reached in time": late,
    }
    return [
        f"{what}: {', '.join(outcome.rule for outcome in some)}"
        for what, some in found.items()
        if some
    ]
