"""Puts the template into what is built, as one archive.

The template is beside this project in the repository. A source distribution carries the archive, so
that wheels can be built from it; an editable install reads the checkout itself.
"""

from __future__ import annotations

import runpy
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "src/zenml_conformance"


class TemplateHook(BuildHookInterface):  # type: ignore[type-arg]
    """Packs the template."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Pack the template before a distribution is built.

        Args:
            version: `standard` or `editable`.
            build_data: What hatchling builds with.

        Raises:
            FileNotFoundError: If the template is neither packed here nor in the directory above.
        """
        if version == "editable":
            return
        root = Path(self.root)
        archive = runpy.run_path(str(root / PACKAGE / "template" / "archive.py"))
        if (root.parent / "copier.yml").is_file():
            self.scratch = tempfile.TemporaryDirectory()
            packed = Path(self.scratch.name, archive["NAME"])
            archive["pack"](root.parent, packed)
            folder = PACKAGE if self.target_name == "sdist" else Path(PACKAGE).name
            build_data["force_include"][str(packed)] = f"{folder}/{packed.name}"
        elif not (root / PACKAGE / archive["NAME"]).is_file():
            raise FileNotFoundError(
                f"the template is not in {root.parent}: build in a checkout of the repository, or "
                "from a source distribution"
            )

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the archive, which has been copied.

        Args:
            version: `standard` or `editable`.
            build_data: What was built with.
            artifact_path: What was built.
        """
        if hasattr(self, "scratch"):
            self.scratch.cleanup()
