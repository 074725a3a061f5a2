"""What Batch does not take. It tells of some of this only when it starts a job, hours later."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import botocore.session
from botocore.model import StructureShape
from botocore.validate import ParamValidator

# "Service quotas" in the user guide of Batch.
PARENTS = 20
"""How many jobs a job can depend on."""
DEFINITION_BYTES = 24 * 1024
SUBMISSION_BYTES = 30 * 1024

# `RunTask` in the API reference of ECS, which Batch starts a job with.
OVERRIDES_CHARACTERS = 8192

# `CreateSecret` in the API reference of Secrets Manager.
SECRET_BYTES = 65_536

DESCRIBED = 100
"""How many jobs one request can ask for: `DescribeJobs` in the API reference of Batch."""

JOB_NAME = re.compile(r"[A-Za-z0-9][\w-]{0,127}", re.ASCII)
"""`SubmitJob` in the API reference of Batch."""


def check_size(what: str, size: int, limit: int, remedy: str) -> None:
    """Refuse what is too large.

    Args:
        what: What it is, in a few words.
        size: How large it is.
        limit: How large it may be.
        remedy: What to do, as a sentence.

    Raises:
        ValueError: If it is.
    """
    if size > limit:
        raise ValueError(f"Its {what} has {size} bytes, and AWS takes {limit}. {remedy}")


def json_size(value: Any) -> int:
    """Say how many bytes a value has as JSON, as it is sent."""
    return len(json.dumps(value).encode())


def check_variables(names: list[str]) -> None:
    """Refuse names of variables that Batch does not pass on.

    Raises:
        ValueError: If there is one.
    """
    for name in names:
        if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) or name.startswith("AWS_BATCH"):
            raise ValueError(
                f"{name!r} is in its environment, and Batch takes no variable of that name. Use "
                "letters, digits and underscores, and no name that starts with AWS_BATCH."
            )


def check_shape(properties: dict[str, Any]) -> None:
    """Refuse container properties that botocore would not send.

    Raises:
        ValueError: If there is something that is unknown, missing or of the wrong type.
    """
    shape = _container_properties()
    if unknown := sorted(properties.keys() - shape.members.keys()):
        raise ValueError(
            f"Batch knows no container property {', '.join(map(repr, unknown))}. It knows "
            f"{', '.join(sorted(shape.members))}."
        )
    report = ParamValidator().validate(properties, shape)
    if report.has_errors():
        found = report.generate_report()
        raise ValueError(f"Batch does not take its `container_properties`. {found}")


@cache
def _container_properties() -> StructureShape:
    model = botocore.session.get_session().get_service_model("batch")
    shape: StructureShape = model.shape_for("ContainerProperties")
    return shape
