"""What the orchestrator under test is, in words for headers and reports."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel

from zenml_conformance.inputs import printable
from zenml_conformance.target.capability import Capability
from zenml_conformance.target.spec import TargetError

Words = Annotated[str, AfterValidator(printable)]


class Description(BaseModel):
    """The orchestrator under test.

    Attributes:
        flavor: The flavor's name.
        orchestrator: Import path of the implementation.
        distribution: The Python distribution that has it; None: it can't be found.
        version: The distribution's version.
        harness: How the fake backend is connected.
        connected: Whether it is.
        connectable: Whether it is not, but could be: the live tier was asked for.
        capabilities: What it declares.
        zenml: ZenML's version.
    """

    flavor: Words
    orchestrator: Words
    distribution: Words | None = None
    version: Words | None = None
    harness: str
    connected: bool
    connectable: bool = False
    capabilities: list[Capability]
    zenml: str


def describe(result: str) -> None:
    """Load the target of this process's session and write down what it is, or why it is none.

    Args:
        result: File that takes a `Description`, or `{"error": …}`.
    """
    import zenml

    from zenml_conformance.engine import session
    from zenml_conformance.harness import BlackBox
    from zenml_conformance.target.target import Target

    assert session.current is not None
    try:
        target = Target.load(session.current.target)
        implementation = target.orchestrator_class
        distribution, version = distribution_of(implementation.__module__)
        text = Description(
            flavor=target.flavor.name,
            orchestrator=f"{implementation.__module__}.{implementation.__qualname__}",
            distribution=distribution,
            version=version,
            harness=type(target.harness).__name__,
            connected=target.harness.connects,
            connectable=isinstance(target.harness, BlackBox) and target.harness.hides,
            capabilities=target.capabilities(target.validate()),
            zenml=zenml.__version__,
        ).model_dump_json()
    except TargetError as error:
        text = json.dumps({"error": str(error)})
    Path(result).write_text(text)


def distribution_of(module: str) -> tuple[str | None, str | None]:
    """Find the distribution that a module comes from.

    Args:
        module: The module's name.

    Returns:
        The distribution's name and version; None twice for a module that is merely on the path.
    """
    top = module.partition(".")[0]
    # An editable install lists no modules; most distributions are called like their module.
    for name in [*metadata.packages_distributions().get(top, []), top]:
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        return found.metadata["Name"], found.version
    return None, None
