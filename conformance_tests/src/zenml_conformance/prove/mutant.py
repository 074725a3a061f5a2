"""What a mutant is: data and one short function."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zenml_conformance.prove.injector import FaultInjector


class Needs(str, Enum):
    """What a mutant can't do without, in the words of the reason for not running it.

    JOBS: steps that are jobs, by which it comes in. CLIENT: steps that run in the client.
    """

    NOTHING = "nothing"
    JOBS = "it reaches only what runs in jobs of the fake backend"
    CLIENT = "it is a fault of orchestrators whose steps run in the client's process"


@dataclass(frozen=True)
class Mutant:
    """A way to break any orchestrator from outside.

    Attributes:
        name: Of its own among all.
        fault: What is wrong, as a sentence.
        rule: The rule that must turn red.
        chosen: What is run with it; none: the first scenario that the rule looks at.
        needs: What the orchestrator must be like.
        apply: Puts the fault in place, in each process in which the orchestrator works.
    """

    name: str
    fault: str
    rule: str
    chosen: tuple[str, ...]
    needs: Needs
    apply: Callable[[FaultInjector], None]

    @property
    def scenarios(self) -> tuple[str, ...]:
        """What is run with the fault; all else is as the sound orchestrator left it."""
        if self.chosen:
            return self.chosen
        # Brings the scenarios along. Their steps note the environment that they were imported in,
        # and the engine imports this module.
        from zenml_conformance.contract.rules import RULES

        return RULES[self.rule].scenarios[:1]

    def __str__(self) -> str:
        """Name it, for pytest."""
        return f"{self.rule}-{self.name}"


MUTANTS: dict[str, Mutant] = {}
"""Every mutant, by name."""


def mutant(
    rule: str, *, scenarios: tuple[str, ...] = (), needs: Needs = Needs.NOTHING
) -> Callable[[Callable[[FaultInjector], None]], Callable[[FaultInjector], None]]:
    """Make a mutant of a function. Its docstring is the fault, in a sentence.

    The function is called before the orchestrator does anything, in each client, each operator,
    each job, and where the classes are inspected.

    Args:
        rule: The rule that must turn red.
        scenarios: What to run; none: the first scenario that the rule looks at. The fewer and
            the shorter, the sooner it is proved.
        needs: What the orchestrator must be like.

    Returns:
        A decorator that leaves the function as it is.

    Raises:
        ValueError: If the name is taken.
    """

    def register(apply: Callable[[FaultInjector], None]) -> Callable[[FaultInjector], None]:
        name = apply.__name__
        if name in MUTANTS:
            raise ValueError(f"two mutants are called {name}")
        fault = " ".join((inspect.getdoc(apply) or "").split())
        MUTANTS[name] = Mutant(name, fault, rule, scenarios, needs, apply)
        return apply

    return register
