"""What the process of a job without a container runs.

    python -m PACKAGE.core.job_main MODULE ARGUMENT...

calls `main` of a module, with a ZenML configuration that belongs to this process alone.

Every process that uses ZenML's store rewrites the configuration, in place
(`zenml.config.global_config.GlobalConfiguration`), and fails if it reads the file while another
one does so. A container has a configuration of its own; jobs that share a home directory with
each other and with the client need one, too. The stack, the project and the store are known from
ZenML's variables.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import shutil
import sys
import tempfile

from .supervisor import CONFIGURATION, OWN_CONFIGURATION


def main() -> None:
    """Run the module that the command line names."""
    if OWN_CONFIGURATION not in os.environ:
        directory = tempfile.mkdtemp(prefix="zenml-job-")
        # Registered before anything else, so called after everything else that uses ZenML.
        atexit.register(_remove, directory, os.getpid())
        os.environ[CONFIGURATION] = directory
    del sys.argv[0]
    module = importlib.import_module(sys.argv[0])
    # What has been imported stays until the end. Without the garbage collector looking through it
    # all again, the interpreter ends a second earlier.
    gc.freeze()
    module.main()


def _remove(directory: str, owner: int) -> None:
    if os.getpid() == owner:  # Not in a process that the job has forked.
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
