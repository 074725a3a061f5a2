"""The command `zenml-conformance`: its group, and what its commands share.

Each command is a module of its name with a click command called `command`. A module is imported
when its command is used, so that `--help` and completion answer at once.
"""

from __future__ import annotations

import difflib
import importlib

import click

import zenml_conformance
from zenml_conformance.console import escape_unknown_characters
from zenml_conformance.errors import InputError
from zenml_conformance.inputs import printable

COMMANDS = {
    "new": "Generate the project of an orchestrator.",
    "doctor": "Check this environment, and the project in it.",
    "judge": "Judge an orchestrator.",
    "rules": "List the rules.",
    "explain": "Print rules in full.",
    "compare": "Set reports side by side, rule by rule.",
    "forecast": "Tell which rules change with another ZenML.",
}
"""The commands, in the order of their use, in a sentence each."""


class Refusal(click.ClickException):
    """Something that was given can't be used. The message says what, and why."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        """Take a message, which may have anything in it that was given."""
        super().__init__(printable(message))


class LazyGroup(click.Group):
    """Imports a command when it is used, and knows its sentence before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command.

        Args:
            ctx: Where it is used.
            cmd_name: Its name.

        Returns:
            The command; None: there is none of this name.
        """
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"{__name__}.{cmd_name}")
        found: click.Command = module.command
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is named first; the nearest one is proposed if there is none."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(error.message + hint, ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; what it can't use is a usage error like click's own."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise Refusal(str(error)) from error


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(zenml_conformance.__version__, message="zenml-conformance %(version)s")
def group() -> None:
    """Generate ZenML orchestrators, and judge any.

    The exit status is 0 if all is well, 1 if something was found to be wrong, and 2 if what was
    given can't be used.
    """


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The command line; None: the process's own.

    Returns:
        The exit status.
    """
    escape_unknown_characters()
    try:
        group.main(args=arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
