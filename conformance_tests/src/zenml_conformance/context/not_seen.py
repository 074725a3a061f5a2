"""What evidence raises that nobody can have."""

from __future__ import annotations


class NotSeen(Exception):
    """Raised where evidence is touched that this way of judging can't give: it says which."""
