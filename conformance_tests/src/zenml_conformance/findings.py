"""What a rule's check raises instead of holding."""

from __future__ import annotations


class Violation(Exception):
    """Raised by a rule that is broken: the message says what was seen, with the values."""


class NotApplicable(Exception):
    """Raised by a rule that this orchestrator can't break: the message says why."""


class NotSeen(Exception):
    """Raised where evidence is touched that this way of judging can't give: it says which."""
