"""Files that tell which process runs something, and whether it is alive.

A process is recognised by its number and by when it was started, since the number of one that has
ended is given to another one sooner or later.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any


def hold(path: Path) -> int:
    """Create the file, for this user alone.

    Args:
        path: The file.

    Returns:
        The file descriptor, for `sign`.
    """
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def sign(descriptor: int, pid: int, **notes: Any) -> None:
    """Write down which process it is.

    Args:
        descriptor: What `hold` returned.
        pid: The process.
        **notes: What else to know of it, for `read`.
    """
    record = json.dumps({"pid": pid, "started": _start(pid), **notes}).encode()
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, record, 0)


def read(path: Path) -> dict[str, Any] | None:
    """Read what is written of a process that is alive.

    Args:
        path: The file.

    Returns:
        `pid` and the notes; None if the process has ended, or there is none.
    """
    try:
        record: dict[str, Any] = json.loads(path.read_bytes())
        is_alive = record["started"] == _start(record["pid"]) is not None
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return record if is_alive else None


def holder(path: Path) -> int | None:
    """Tell which process it is.

    Args:
        path: The file.

    Returns:
        The process; None if it has ended.
    """
    record = read(path)
    return None if record is None else int(record["pid"])


def _start(pid: int) -> str | None:
    """When a process was started; None if it has ended, also if nobody has waited for it yet."""
    if Path("/proc/self/stat").exists():
        try:
            line = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        except OSError:
            return None
        fields = line.rpartition(")")[2].split()  # The name before it may hold anything.
        state, ticks_after_boot = fields[0], fields[19]
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return None if state in "ZX" else f"{boot} {ticks_after_boot}"
    command = ["ps", "-o", "state=,lstart=", "-p", str(int(pid))]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout
    state, _, started = shown.strip().partition(" ")
    return None if not started or state.startswith("Z") else started.strip()
