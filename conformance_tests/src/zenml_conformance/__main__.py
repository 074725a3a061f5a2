"""`python -m zenml_conformance`: the same as `zenml-conformance`."""

from __future__ import annotations

import sys

from zenml_conformance.command import main

if __name__ == "__main__":
    sys.exit(main())
