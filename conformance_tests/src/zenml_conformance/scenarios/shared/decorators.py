"""ZenML's `pipeline` and `step`, in processes that have ZenML.

Pytest imports the scenarios for the classes of their evidence. It has no use for their pipelines,
and would wait for ZenML for seconds: there the functions are left as they are.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or "zenml" in sys.modules:
    from zenml import pipeline as pipeline
    from zenml import step as step
else:

    def _leave(function: Any = None, **options: Any) -> Any:
        """Decorate nothing, with or without options."""
        return function or _leave

    pipeline = step = _leave
