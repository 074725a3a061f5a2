"""ZenML's `pipeline` and `step`, in processes that have ZenML.

Pytest imports the scenarios for the classes of their evidence. It has no use for their pipelines:
it would wait for ZenML for seconds. Where other tests import ZenML, making pipelines may fail: it
looks for the file of the main module, and xdist's workers have none. So in pytest's processes the
functions are left as they are.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or ("zenml" in sys.modules and "zenml_conformance.plugin" not in sys.modules):
    from zenml import pipeline as pipeline
    from zenml import step as step
else:

    def _leave(function: Any = None, **options: Any) -> Any:
        """Decorate nothing, with or without options."""
        return function or _leave

    pipeline = step = _leave
