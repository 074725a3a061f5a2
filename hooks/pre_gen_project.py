"""Refuse bad answers before cookiecutter writes a file.

The rules stand in cookiecutter.json (`_rules`), from which copier's validators are generated too,
so that both engines refuse the same answers with the same words. Cookiecutter renders this file
with the answers and runs it; `tojson` escapes quotes, so no answer can end the literals below.
"""

import json
import re
import sys
from typing import Any

ANSWERS: dict[str, Any] = json.loads(r"""{{ cookiecutter | tojson }}""")
# The answers as they were given, before cookiecutter rendered them (cruft does not keep them).
GIVEN: dict[str, Any] = json.loads(r"""{{ _cookiecutter | default({}) | tojson }}""")


def was_rendered(name: str) -> bool:
    """Tell whether an answer given on the command line was Jinja or had a line break.

    Rendering evaluates the one and may swallow the other, so that neither is left in the answer.
    """
    given = str(GIVEN.get(name, ""))
    is_derived_default = given.strip("{ }") == f"cookiecutter.__{name}"
    return not is_derived_default and re.search(r"[{\r\n]|# jinja:", given) is not None


def refusals() -> list[str]:
    """Return one sentence for each answer that breaks its rule."""
    found = []
    for name, rule in ANSWERS["_rules"].items():
        answer = str(GIVEN[name] if was_rendered(name) else ANSWERS[name])
        legal = re.search(rule["pattern"], answer) and answer not in rule.get("reserved", [])
        if was_rendered(name) or not legal:
            found.append(f"{rule['message']} Got: {json.dumps(answer)}")
    return found


if found := refusals():
    sys.exit("\n".join(f"ERROR: {sentence}" for sentence in found))
