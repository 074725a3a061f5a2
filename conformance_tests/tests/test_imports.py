"""The modules of the suite and of the core import each other in one direction."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import zenml_conformance

PACKAGE = Path(zenml_conformance.__file__).parent


def module_of(path: Path) -> str:
    name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    return name.removesuffix(".__init__")


def imported(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports of a module, those inside functions included, but none that types alone need."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        yield from imported(node)


def names(node: ast.Import | ast.ImportFrom, package: list[str]) -> Iterator[str]:
    """What may be a module that an import names."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    start = package[: len(package) - node.level + 1] if node.level else []
    origin = ".".join([*start, *([node.module] if node.module else [])])
    yield origin
    yield from (f"{origin}.{alias.name}" for alias in node.names)


def part_of(module: str) -> str:
    """The package of the suite, or the module beside the packages, that a module belongs to."""
    return module.removeprefix(zenml_conformance.__name__).lstrip(".").partition(".")[0]


def graph() -> dict[str, set[str]]:
    """Which modules each module imports."""
    files = {
        module_of(path): path
        for folder in (PACKAGE, PACKAGE / "core")  # A link, which `rglob` does not follow.
        for path in folder.rglob("*.py")
    }
    modules = {}
    for module, path in files.items():
        parts = module.split(".")
        package = parts if path.name == "__init__.py" else parts[:-1]
        nodes = imported(ast.parse(path.read_text()))
        needed = {name for node in nodes for name in names(node, package) if name in files}
        # A package that hands out what its modules define does not need them for itself.
        modules[module] = needed - {module} if path.name != "__init__.py" else set()
    return modules


def test_no_module_is_in_a_cycle() -> None:
    modules = graph()
    assert "zenml_conformance.core.orchestrator" in modules
    assert modules["zenml_conformance.core.control"]
    TopologicalSorter(modules).prepare()


def test_no_package_is_in_a_cycle() -> None:
    packages: dict[str, set[str]] = {}
    for module, needed in graph().items():
        package = part_of(module)
        packages.setdefault(package, set()).update({part_of(name) for name in needed} - {package})
    assert packages["contract"] >= {"scenarios", "context"}
    TopologicalSorter(packages).prepare()
