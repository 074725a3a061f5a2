"""A driver that looks at what has become of the steps only if `make` has failed."""

from __future__ import annotations

import sys

from makefile import driver

if __name__ == "__main__":
    if driver.make() == 0:
        sys.exit()
    driver.end()
