"""Makes the template of a session's stores, in processes of its own: each has ZenML open it."""

from __future__ import annotations

import sys


def create() -> None:
    """Make the store that this process's environment names: ZenML does it for a client."""
    from zenml.client import Client

    Client().zen_store  # noqa: B018 - reading it is what makes it


def register_target() -> None:
    """Register the orchestrator under test, with a stack of its own.

    Runs in a process whose environment names the store; ZenML makes one where there is none.
    """
    from zenml.client import Client
    from zenml.enums import StackComponentType

    from zenml_conformance.engine import session
    from zenml_conformance.target.target import Target

    assert session.current is not None
    target = Target.load(session.current.target)
    client, stack = Client(), session.stack()
    if not target.is_shipped:
        name = target.flavor.name
        known = client.list_flavors(name=name, type=StackComponentType.ORCHESTRATOR).items
        if not known:
            client.create_flavor(
                source=target.source, component_type=StackComponentType.ORCHESTRATOR
            )
        elif known[0].source != target.source:
            whose = "the server has" if known[0].is_custom else "ZenML ships"
            sys.exit(
                f"The flavor is called {name!r}, and {whose} one of that name "
                f"({known[0].source}): settings and components could not tell them apart. Give it "
                "a name of its own."
            )
    orchestrator = client.create_stack_component(
        name=stack,
        flavor=target.flavor.name,
        component_type=StackComponentType.ORCHESTRATOR,
        configuration=target.config,
    )
    components = {StackComponentType.ORCHESTRATOR: orchestrator.id}
    for word, component in target.harness.components().items():
        kind = StackComponentType(word)
        components[kind] = client.create_stack_component(
            name=stack,
            flavor=component.flavor,
            component_type=kind,
            configuration=component.config,
        ).id
    local = client.active_stack_model.components[StackComponentType.ARTIFACT_STORE][0]
    components.setdefault(StackComponentType.ARTIFACT_STORE, local.id)
    client.create_stack(name=stack, components=dict(components))
    client.activate_stack(stack)
