"""Write the JSON Schema of reports from the models that make them.

    python tools/report_schema.py            write report.schema.json, in the suite's package
    python tools/report_schema.py --check    exit with 1 if it is not what would be written

The suite must be installed: `zenml_conformance` is imported.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from zenml_conformance.report.model import Report

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = ROOT / "conformance_tests/src/zenml_conformance/report/report.schema.json"


def schema() -> str:
    """Return the schema, as JSON."""
    content = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Report.model_json_schema(mode="serialization"),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write or check; return the exit status."""
    parser = argparse.ArgumentParser(description="Write the JSON Schema of reports.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if stale")
    options = parser.parse_args(arguments)

    text = schema()
    if SCHEMA.exists() and SCHEMA.read_text(encoding="utf-8") == text:
        return 0
    name = SCHEMA.relative_to(ROOT).as_posix()
    if options.check:
        print(f"{name} is behind the report's models: run python tools/report_schema.py")
        return 1
    SCHEMA.write_text(text, encoding="utf-8", newline="\n")
    print(f"wrote {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
