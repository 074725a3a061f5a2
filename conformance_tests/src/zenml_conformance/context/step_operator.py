"""A step operator that runs nothing: it is there so that a step can say that it has one."""

from __future__ import annotations

from zenml.client import Client
from zenml.enums import StackComponentType
from zenml.step_operators import BaseStepOperator, BaseStepOperatorConfig, BaseStepOperatorFlavor

from zenml_conformance.engine import session
from zenml_conformance.store import IDLE


class IdleStepOperatorFlavor(BaseStepOperatorFlavor):
    """For steps that never run."""

    @property
    def name(self) -> str:
        """The flavor's name."""
        return IDLE

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
    client, stack = Client(), session.stack()
    kind = StackComponentType.STEP_OPERATOR
    if not client.list_flavors(name=IDLE, type=kind).items:
        source = f"{__name__}.{IdleStepOperatorFlavor.__name__}"
        client.create_flavor(source=source, component_type=kind)
    component = client.create_stack_component(
        name=stack,
        flavor=IDLE,
        component_type=kind,
        configuration={},
    )
    client.update_stack(stack, component_updates={kind: [component.id]})
