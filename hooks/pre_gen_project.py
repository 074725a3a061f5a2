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


def is_derived(name: str) -> bool:
    """Tell whether an answer is what the template made of the package's name."""
    return str(GIVEN.get(name, "")).strip("{ }") == f"cookiecutter.__{name}"


def was_rendered(name: str) -> bool:
    """Tell whether an answer given on the command line was Jinja or had a line break.

    Rendering evaluates the one and may swallow the other, so that neither is left in the answer.
    """
    given = str(GIVEN.get(name, ""))
    return not is_derived(name) and re.search(r"[{\r\n]|# jinja:", given) is not None


def refusals() -> list[str]:
    """Return one sentence for each answer that breaks its rule."""
    found = {}
    for name, rule in ANSWERS["_rules"].items():
        answer = str(ANSWERS[f"__{name}" if name == "package_name" else name])
        legal = re.search(rule["pattern"], answer) and answer not in rule.get("reserved", [])
        if was_rendered(name) or not legal:
            typed = ANSWERS["__given"] if name == "package_name" else answer
            given = GIVEN[name] if was_rendered(name) else typed
            found[name] = f"{rule['message']} Got: {json.dumps(given)}"
    if "package_name" in found:
        found = {name: said for name, said in found.items() if not is_derived(name)}
    return [*found.values()]


if found := refusals():
    sys.exit("\n".join(f"ERROR: {sentence}" for sentence in found))
