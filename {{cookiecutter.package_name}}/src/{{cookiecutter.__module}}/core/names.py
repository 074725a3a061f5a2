"""Names and labels of jobs, in characters that every backend accepts.

Pipelines and steps may be called anything, at any length; schedulers are particular. So a name
keeps what can be kept, for the reader's sake, and owes its uniqueness to a suffix.
"""

from __future__ import annotations

import re
from uuid import uuid4

MAX_LENGTH = 63


def job_name(pipeline: str, what: str) -> str:
    """Make up a name for a new job.

    Args:
        pipeline: Name of the pipeline.
        what: What the job does in it, for example the name of a step.

    Returns:
        A name that no other job has, not even one for the same step of the same run: at most 63
        characters out of `a-z`, `0-9` and `-`, the first a letter.
    """
    suffix = uuid4().hex[:12]
    room = MAX_LENGTH - len("zenml---") - len(suffix)
    words = [label(pipeline)[: room // 2], label(what)[: room - room // 2]]
    return "-".join(["zenml", *(word.strip("-") for word in words if word), suffix])


def label(text: str) -> str:
    """Reduce a text to what is valid as a label.

    Args:
        text: Any text.

    Returns:
        At most 63 characters out of `a-z`, `0-9` and `-`, without hyphens at the ends; empty if
        nothing remains. Different texts may give the same label.
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:MAX_LENGTH].strip("-")
