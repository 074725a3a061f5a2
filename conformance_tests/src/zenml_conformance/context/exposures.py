"""The search for secrets in all that is left of a scenario."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from zenml_conformance.context.evidence import Exposure
from zenml_conformance.engine.session import SENTINEL
from zenml_conformance.fake_backend.jobs import Job

LOGS = (".log", ".txt", ".out")
"""How the name of a log ends. A log is read by more people than may read the file."""


SECRETS: Mapping[str, str] = {SENTINEL: "the value of CONFORMANCE_TOKEN"}
"""What may be found nowhere, and what it is called."""


def in_jobs(jobs: list[Job], secrets: Mapping[str, str] = SECRETS) -> list[Exposure]:
    """Look at what a backend shows of its jobs to all of its users.

    Args:
        jobs: The jobs.
        secrets: What may not be seen, with what to call it.

    Returns:
        Where one was found.
    """
    return [
        Exposure(what=name, where=where, detail=f"job {job.name!r}")
        for job in jobs
        for where, text in {
            "command line": " ".join(job.command),
            "job name": job.name,
            "labels": json.dumps(job.labels),
            "image": job.image or "",
            "description of the job": json.dumps(job.spec, default=str),
        }.items()
        for secret, name in secrets.items()
        if secret in text
    ]


def in_files(directory: Path, secrets: Mapping[str, str] = SECRETS) -> list[Exposure]:
    """Look at the logs in a scenario's directory, and at the files that others can read.

    Args:
        directory: The directory. What the suite keeps in it, and ZenML in its
            database, does not count.
        secrets: What may not be found, with what to call it.

    Returns:
        Where one was found.
    """
    found = []
    own = {directory / "probes", directory / "zenml" / "local_stores" / "default_zen_store"}
    for folder, folders, files in os.walk(directory):
        folders[:] = [name for name in folders if Path(folder, name) not in own]
        for path in (Path(folder, name) for name in files):
            if path.suffix == ".json" and path.parent == directory:
                continue  # The suite's own notes.
            mode = path.lstat().st_mode
            if not stat.S_ISREG(mode):
                continue  # To open a pipe would be to wait for its other end.
            is_log = path.suffix in LOGS
            is_open = mode & (stat.S_IRGRP | stat.S_IROTH)
            if not (is_log or is_open):
                continue
            content = path.read_bytes()
            kind = "log" if is_log else "file that others can read"
            found += [
                Exposure(what=name, where=kind, detail=path.name)
                for secret, name in secrets.items()
                if secret.encode() in content
            ]
    return found
