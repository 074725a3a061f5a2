"""On what terms a session judges."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from zenml_conformance.contract.rule import Outcome, Profile, Rule, Status
from zenml_conformance.judging.waivers import Waiver, excuse


class Terms(BaseModel):
    """What counts in a session. Workers of xdist get it from their controller.

    Attributes:
        profiles: The profiles that are judged; empty: all of them.
        rules: The rules that are judged; empty: all of them.
        deadline: When to wait no longer for evidence, on the machine's monotonic clock; None:
            never.
        waivers: The waivers, by rule.
        known: Rules that were out of order in the baseline, and fail nothing now.
        today: The day that waivers are held against.
    """

    model_config = ConfigDict(frozen=True)

    profiles: tuple[Profile, ...] = ()
    rules: frozenset[str] = frozenset()
    deadline: float | None = None
    waivers: dict[str, Waiver] = Field(default_factory=dict)
    known: frozenset[str] = frozenset()
    today: date = Field(default_factory=date.today)

    def includes(self, rule: Rule) -> bool:
        """Say whether a rule is to be judged.

        Args:
            rule: The rule.

        Returns:
            Whether its profile is, and the rule itself.
        """
        return (not self.profiles or rule.profile in self.profiles) and (
            not self.rules or rule.id in self.rules
        )

    def apply(self, outcome: Outcome) -> Outcome:
        """Excuse an outcome, if a waiver does.

        Args:
            outcome: What became of a rule.

        Returns:
            What counts.
        """
        return excuse(outcome, self.waivers, self.today)

    def excuse_of(self, outcome: Outcome) -> str | None:
        """Say why a rule that is out of order fails nothing.

        Args:
            outcome: What counts.

        Returns:
            The excuse; None: there is none, or none is needed.
        """
        if outcome.status is Status.WAIVED:
            waiver = self.waivers[outcome.rule]
            return f"waived until {waiver.expires} by {waiver.owner}: {waiver.reason}"
        if outcome.status in (Status.FAILED, Status.ERROR) and outcome.rule in self.known:
            return "it was out of order in the baseline already"
        return None
