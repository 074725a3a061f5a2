"""Write copier.yml from cookiecutter.json, the one source of questions, choices, rules and names.

    python tools/sync_copier.py            write copier.yml
    python tools/sync_copier.py --check    exit with 1 if it is not what would be written

What the names in cookiecutter.json mean:

* `name` is a question. Both engines ask in this order; a list is a choice, its first the default.
* `_rules.name` is the question's rule: `pattern`, `reserved` answers, and one `message` for both.
* `__name` before the last question leads to defaults (`__flavor` is the default of `flavor`),
  after it, to the templates. Each is a single `{{ expression }}` of Jinja that both engines have:
  no `slugify`, `jsonify`, `{% now %}` (cookiecutter's own), `regex_*` or `to_json` (copier's own).
* `__normalized` gives `package_name` the spelling that its rule demands, in cookiecutter's own
  dictionary: the directory and the files are named after that, whatever was typed (`__given`).
  Cookiecutter makes the directory before its hook can refuse an answer, so what must not even
  become a directory gets another name. Copier takes the spelling from `__package_name`.
* `__answers` is the name of copier's answers file, empty (no file) in cookiecutter, and `__suite`
  is where copier's projects find the conformance suite. Cookiecutter does not tell templates which
  commit it uses: hooks/post_gen_project.py writes both.
* `__templates` leads to the folder `templates`, which cookiecutter searches and copier does not.
* `__next_steps` is what both engines say in the end.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

# 9.8 is the first copier that gives hidden questions `_copier_conf`.
HEADER = """\
# Generated from cookiecutter.json by tools/sync_copier.py: change that and run this.
_min_copier_version: "9.8.0"
_subdirectory: "{% raw %}{{cookiecutter.package_name}}{% endraw %}"
_templates_suffix: ""
_envops:
"""

# What only copier knows. A local template is named by its absolute path, so that an update finds
# it, and an address is written without a password, because both end up in files that are shared.
# `zenml-conformance new` has a copy of the template, and gives these three as answers: where that
# is from, and of which commit. It leaves them empty where they are not known.
ORIGIN = r"""
commit:
  type: str
  when: false
  default: "{{ _copier_answers._commit | default('') }}"

origin:
  type: str
  when: false
  default: |-
    {% set source = _copier_answers._src_path -%}
    {% if not source | regex_search('^(gh|gl):|://|^[^/]+@[^/]+:') -%}
    {{ source | expanduser | realpath }}
    {%- else -%}
    {{ source | regex_replace('^((?:git\\+)?https?://)[^/]*@', '\\1') }}
    {%- endif %}

suite:
  type: str
  when: false
  default: |-
    {% set url = origin | regex_replace('^gh:/?(.*?)(?:\\.git)?$', 'https://github.com/\\1.git')
      | regex_replace('^gl:/?(.*?)(?:\\.git)?$', 'https://gitlab.com/\\1.git')
      | regex_replace('^git\\+', '') | regex_replace('^([^/:]+@[^/:]+):/*', 'ssh://\\1/') -%}
    {% if '://' in url -%}
    git+{{ url }}@{{ _copier_conf.vcs_ref_hash }}#subdirectory=conformance_tests
    {%- else -%}
    file://{{ url | urlencode }}/conformance_tests
    {%- endif %}
"""

# Copier gives these the values that cookiecutter, or its hook, gives its own.
COPIER_VALUES = {
    "__answers": "origin and _copier_conf.answers_file | string",
    "__suite": "suite and ' @ ' ~ suite",
    "__templates": "'templates/'",
}
# Only cookiecutter's.
NOT_COPIERS = {"__prompts__", "__given", "__normalized", "__next_steps"}


def quoted(value: object) -> str:
    """Return a value as YAML (every JSON document is one)."""
    return json.dumps(value, ensure_ascii=False)


class Questionnaire:
    """The content of a cookiecutter.json, in copier's words."""

    def __init__(self, source: dict[str, Any]) -> None:
        """Take what cookiecutter.json holds."""
        self.source = source
        self.prompts = source["__prompts__"]
        self.rules = source["_rules"]
        self.questions = [name for name in source if not name.startswith("_")]
        self.private: dict[str, str] = {}
        for name in source:
            if name.startswith("__") and name not in NOT_COPIERS:
                self.private[name] = COPIER_VALUES.get(name) or self.expression(source[name])

    def expression(self, text: str) -> str:
        """Return the expression of a `{{ ... }}` in names that copier's questions know."""
        match = re.fullmatch(r"\{\{ (.+) \}\}", text)
        if match is None:
            raise ValueError(f"cookiecutter.json: {text!r} must be one single {{{{ expression }}}}")
        expression = re.sub(
            r"\bcookiecutter\._rules\.(\w+)\.reserved\b",
            lambda found: repr(self.rules[found[1]]["reserved"]),
            match[1],
        )
        expression = re.sub(
            r"\bcookiecutter\.(__\w+)", lambda found: f"({self.private[found[1]]})", expression
        )
        return re.sub(r"\bcookiecutter\.", "", expression)

    def validator(self, name: str) -> str:
        """Return the template that renders to the refusal of a bad answer, or to nothing."""
        rule = self.rules[name]
        answer = self.private["__package_name"] if name == "package_name" else name
        refused = f"not (({answer}) | regex_search({rule['pattern']!r}))"
        if "reserved" in rule:
            refused += f" or ({answer}) in {rule['reserved']!r}"
        return f"{{% if {refused} %}}{rule['message']} Got: {{{{ {name} | to_json }}}}{{% endif %}}"

    def question(self, name: str) -> str:
        """Return one question as YAML."""
        default, prompt = self.source[name], self.prompts[name]
        lines = [f"{name}:", "  type: str"]
        if isinstance(default, list):
            lines += [f"  help: {quoted(prompt['__prompt__'])}", "  choices:"]
            lines += [f"    {quoted(prompt[value])}: {quoted(value)}" for value in default]
            lines += [f"  default: {quoted(default[0])}"]
        else:
            if "{{" in default:
                default = "{{ " + self.expression(default) + " }}"
            lines += [f"  help: {quoted(prompt)}", f"  default: {quoted(default)}"]
            lines += [f"  validator: {quoted(self.validator(name))}"]
        return "\n".join(lines) + "\n"

    def namespace(self) -> str:
        """Return the hidden question that gives templates the names which cookiecutter gives them.

        It comes last because it is computed from the answers; it is neither asked nor stored.
        """
        names = list(self.source)
        after_questions = names[names.index(self.questions[-1]) :]
        values = {name: name for name in self.questions}
        values["package_name"] = self.private["__package_name"]
        values |= {name: self.private[name] for name in after_questions if name in self.private}
        values |= COPIER_VALUES
        entries = "".join(f"      {name!r}: {value},\n" for name, value in values.items())
        return (
            "cookiecutter:\n  type: json\n  when: false\n  default: |-\n"
            f"    {{{{ {{\n{entries}    }} | to_json }}}}\n"
        )

    def copier_yml(self) -> str:
        """Return the text of copier.yml."""
        environment = self.source["_jinja2_env_vars"]
        settings = "".join(f"  {key}: {quoted(value)}\n" for key, value in environment.items())
        message = f"_message_after_copy: {quoted(self.source['__next_steps'])}\n"
        head = HEADER + settings + message
        return "\n".join([head, *map(self.question, self.questions), ORIGIN[1:], self.namespace()])


def main(arguments: list[str] | None = None) -> int:
    """Write or check copier.yml; return the exit status."""
    parser = argparse.ArgumentParser(description="Write copier.yml from cookiecutter.json.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if stale")
    options = parser.parse_args(arguments)

    source = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
    text = Questionnaire(source).copier_yml()
    target = ROOT / "copier.yml"
    if not options.check:
        target.write_text(text, encoding="utf-8", newline="\n")
    elif not target.exists() or target.read_text(encoding="utf-8") != text:
        print("copier.yml is not in step with cookiecutter.json: run python tools/sync_copier.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
