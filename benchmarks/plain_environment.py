"""An interpreter that has ZenML and Ray with what they need, and nothing else that this one has.

ZenML imports in each step whatever it has an integration for, such as scikit-learn. How long that
takes depends on what is installed, and not on the orchestrator.
"""

from __future__ import annotations

import subprocess
import venv
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

WANTED = ("zenml[local]", "pip", "ray[client,default]")


def create(directory: Path) -> str:
    """Create the environment, of links to this one's packages; return its interpreter."""
    venv.create(directory, symlinks=True)
    python = str(directory / "bin" / "python")
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(subprocess.check_output([python, "-c", where], text=True).strip())
    for package in _with_dependencies():
        for name in {file.parts[0] for file in package.files or ()} - {"..", "__pycache__"}:
            if not (packages / name).is_symlink():
                (packages / name).symlink_to(str(package.locate_file(name)))
    return python


def _with_dependencies() -> list[Distribution]:
    found: dict[str, Distribution] = {}
    seen: set[str] = set()
    wanted = [Requirement(text) for text in WANTED]
    while wanted:
        requirement = wanted.pop()
        if str(requirement) in seen:
            continue
        seen.add(str(requirement))
        try:
            package = distribution(requirement.name)
        except PackageNotFoundError:
            continue  # It is for another platform, or is Ray, which is left out where it is not.
        found[requirement.name] = package
        for needed in map(Requirement, package.requires or ()):
            extras = [*requirement.extras, ""]
            if needed.marker is None or any(needed.marker.evaluate({"extra": e}) for e in extras):
                wanted.append(needed)
    return [*found.values()]
