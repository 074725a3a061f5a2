"""A step operator that runs nothing: it is there so that a step can say that it has one."""

from __future__ import annotations

from zenml.client import Client
from zenml.enums import StackComponentType
from zenml.step_operators import BaseStepOperator, BaseStepOperatorConfig, BaseStepOperatorFlavor

from zenml_conformance.store import STACK


class IdleStepOperatorFlavor(BaseStepOperatorFlavor):
    """For steps that never run."""

    @property
    def name(self) -> str:
        """The flavor's name."""
        return "conformance_idle"

    @property
    def config_class(self) -> type[BaseStepOperatorConfig]:
        """The configuration."""
        return BaseStepOperatorConfig

    @property
    def implementation_class(self) -> type[BaseStepOperator]:
        """The step operator."""
        return IdleStepOperator


class IdleStepOperator(BaseStepOperator):
    """Takes no work: what ZenML's base class raises is all that it does."""


def add_to_stack() -> None:
    """Give the active stack a step operator."""
    client = Client()
    client.create_flavor(
        source=f"{__name__}.{IdleStepOperatorFlavor.__name__}",
        component_type=StackComponentType.STEP_OPERATOR,
    )
    component = client.create_stack_component(
        name=STACK,
        flavor=IdleStepOperatorFlavor().name,
        component_type=StackComponentType.STEP_OPERATOR,
        configuration={},
    )
    client.update_stack(STACK, component_updates={StackComponentType.STEP_OPERATOR: [component.id]})
