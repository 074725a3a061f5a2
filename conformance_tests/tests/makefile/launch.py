"""Become the process of a step: `python -m makefile.launch FILE`."""

import json
import os
import sys
from pathlib import Path

if __name__ == "__main__":
    what = json.loads(Path(sys.argv[1]).read_text())
    command = [sys.executable, *what["command"]]
    os.execve(command[0], command, {**os.environ, **what["environment"]})  # noqa: S606 - no shell
