"""The pytest plugin: its options, and whether a session judges.

Every pytest session of an environment imports this module, whatever it tests. So nothing is
imported here that takes time; `session.hooks` has the rest, and is loaded where it is needed.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from typing import Any

import pytest

from zenml_conformance.console import escape_unknown_characters
from zenml_conformance.errors import OptionError
from zenml_conformance.session import options
from zenml_conformance.session.suite import PROPERTY, SUITE, asked_key, runs_key


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    options.register(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Answer what needs no orchestrator."""
    if not (config.option.explain or config.option.list_rules):
        return None
    from zenml_conformance.session import explain

    escape_unknown_characters()
    width = shutil.get_terminal_size((100, 40)).columns
    try:
        if config.option.explain:
            print(explain.explain(config.option.explain, min(width, 100)))
        else:
            print(explain.listing(options.profiles(config), options.rules(config), max(width, 60)))
    except OptionError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return pytest.ExitCode.USAGE_ERROR
    except explain.UnknownRule as error:
        print(f"ERROR: --explain={error} --list-rules lists them all.", file=sys.stderr)
        return pytest.ExitCode.USAGE_ERROR
    return pytest.ExitCode.OK


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> None:
    """Add the installed suite to what is collected.

    Named for this session, `--orchestrator` runs the suite and whatever paths stand beside it.
    Named in `addopts` or by its twin in the configuration, it adds the suite to a bare `pytest`
    and leaves `pytest some/path` alone.
    """
    given = early_config.known_args_namespace
    try:
        named = options.orchestrator(early_config, given)
    except OptionError as error:
        raise pytest.UsageError(str(error)) from None
    if named is None or hasattr(early_config, "workerinput"):
        return
    # pytest's own parser, since an option may also be written in a file (`@FILE`).
    typed = [
        *shlex.split(os.environ.get("PYTEST_ADDOPTS", "")),
        *map(str, early_config.invocation_params.args),
    ]
    asked = early_config.stash[asked_key] = parser.parse_known_args(typed).orchestrator is not None
    paths = [path for path in given.file_or_dir if path]
    early_config.stash[runs_key] = asked or not paths
    if early_config.stash[runs_key]:
        if not asked:
            root = early_config.rootpath
            args += [str(root / path) for path in early_config.getini("testpaths")]
        if str(SUITE) not in args:
            args.append(str(SUITE))


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Load what judges, in a session that does, and in the workers of one.

    It takes seconds, and says so: by then the terminal's reporter must be there.
    """
    if PROPERTY in getattr(config, "workerinput", {}) or config.stash.get(runs_key, False):
        config.pluginmanager.import_plugin("zenml_conformance.session.hooks")
        return
    try:
        options.refuse_alone(config)
    except OptionError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say so if the project names an orchestrator and this session leaves it out."""
    if not config.stash.get(runs_key, True):
        terminalreporter.line(
            f"conformance: {options.orchestrator(config, config.option)} was not judged, since "
            "paths were given. Without them, or with --orchestrator beside them, it is."
        )
