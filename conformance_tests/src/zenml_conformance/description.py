"""What the orchestrator under test is, in words for headers and reports."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel

from zenml_conformance.rule import Capability
from zenml_conformance.target_spec import TargetError


class Description(BaseModel):
    """The orchestrator under test.

    Attributes:
        flavor: The flavor's name.
        orchestrator: Import path of the implementation.
        harness: How the reference backend is connected.
        connected: Whether it is.
        capabilities: What it declares.
        zenml: ZenML's version.
    """

    flavor: str
    orchestrator: str
    harness: str
    connected: bool
    capabilities: list[Capability]
    zenml: str


def describe(result: str) -> None:
    """Load the target of this process's session and write down what it is, or why it is none.

    Args:
        result: File that takes a `Description`, or `{"error": …}`.
    """
    import zenml

    from zenml_conformance.engine import session
    from zenml_conformance.target import Target

    assert session.current is not None
    try:
        target = Target.load(session.current.target)
        implementation = target.orchestrator_class
        text = Description(
            flavor=target.flavor.name,
            orchestrator=f"{implementation.__module__}.{implementation.__qualname__}",
            harness=type(target.harness).__name__,
            connected=target.harness.connects,
            capabilities=target.capabilities(target.validate()),
            zenml=zenml.__version__,
        ).model_dump_json()
    except TargetError as error:
        text = json.dumps({"error": str(error)})
    Path(result).write_text(text)
