"""Output to terminals that do not know every character."""

from __future__ import annotations

import io
import sys


def escape_unknown_characters() -> None:
    """Show as an escape what the encoding of standard output or error lacks (`PYTHONIOENCODING`).

    By default Python raises there, and pytest escapes all of a text with its ends of lines.
    """
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
