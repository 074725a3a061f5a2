"""What is wrong with what the suite was given."""

from __future__ import annotations


class InputError(ValueError):
    """Something from outside can't be used: an option, a file, what a process left.

    The message says what is wrong with which value. It ends the session before anything is judged.
    """


class OptionError(InputError):
    """An option can't be used. The message says why."""
