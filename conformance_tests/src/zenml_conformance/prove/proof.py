"""What became of a mutant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from zenml_conformance.contract.rule import Level, Outcome, Status
from zenml_conformance.contract.rules import RULES


class Catch(str, Enum):
    """Whether a fault was noticed.

    CAUGHT: its rule turned red. BLOCKED: a rule that its rule requires turned red first. MISSED:
    nothing turned red. NOT_RUN: the fault can't be put into this orchestrator, or its rule does
    not hold anyway.
    """

    CAUGHT = "caught"
    BLOCKED = "blocked"
    MISSED = "NOT CAUGHT"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Proof:
    """One mutant, run.

    Attributes:
        rule: The rule that was to turn red.
        mutant: The mutant's name.
        fault: What was wrong.
        catch: Whether that was noticed.
        detail: What the rule said, or why nothing was run.
        holds: Whether the rule holds for the orchestrator as it is.
    """

    rule: str
    mutant: str
    fault: str
    catch: Catch
    detail: str
    holds: bool

    def to_dict(self) -> dict[str, Any]:
        """Make it fit for a report that crosses processes."""
        return {**asdict(self), "catch": self.catch.value}

    @staticmethod
    def from_dict(data: dict[str, Any]) -> Proof:
        """Undo `to_dict`.

        Args:
            data: What it returned.

        Returns:
            The proof.
        """
        return Proof(**{**data, "catch": Catch(data["catch"])})


@dataclass(frozen=True)
class Tally:
    """What all the proofs of a session add up to.

    Attributes:
        rows: The proofs to show, in the order of the rules: what was run, and one for each
            rule of which nothing could be.
        hold: The MUST rules that hold, and were to be shown to bite.
        bite: Those of them that do.
        unshown: Those whose faults could not be run.
    """

    rows: tuple[Proof, ...]
    hold: tuple[str, ...]
    bite: tuple[str, ...]
    unshown: tuple[str, ...]


def tally(proofs: Sequence[Proof], outcomes: Mapping[str, Outcome]) -> Tally:
    """Add up.

    Args:
        proofs: What was run, and what was not.
        outcomes: What became of the rules. No fault is aimed at those that are about what the
            orchestrator's own backend starts: `--prove` reaches what the suite starts.

    Returns:
        What it comes to.
    """
    rows, hold, bite, unshown = [], [], [], []
    for rule in RULES.values():
        mine = [proof for proof in proofs if proof.rule == rule.id]
        ran = [proof for proof in mine if proof.catch is not Catch.NOT_RUN]
        rows += ran or mine[:1]
        own = rule.needs_own_backend and rule.id in outcomes
        holds = own and outcomes[rule.id].status is Status.PASSED
        if rule.level is Level.MUST and (holds or any(proof.holds for proof in mine)):
            hold.append(rule.id)
            if not ran:
                unshown.append(rule.id)
            elif all(proof.catch is not Catch.MISSED for proof in ran):
                bite.append(rule.id)
    return Tally(tuple(rows), tuple(hold), tuple(bite), tuple(unshown))
