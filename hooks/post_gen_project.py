"""Finish what cookiecutter has made: say where it came from, and what to do next.

Copier tells templates which commit of which repository it uses, and keeps the answers. Cookiecutter
does neither, so that a project could not name its conformance suite and not be updated; hence this
hook. It asks git about the copy of the template that cookiecutter has used, and writes to the new
project alone. With `--accept-hooks no`, the project has neither the suite's address nor the file
for `copier update`.

Cruft runs this as well, and keeps the answers itself.
"""

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml

ANSWERS: dict[str, Any] = json.loads(r"""{{ cookiecutter | tojson }}""")
TEMPLATE = str(ANSWERS["_template"])
SUITE = "conformance_tests"
REQUIREMENT = "zenml-conformance"


def copy_of_template() -> Path | None:
    """Return the directory that cookiecutter has read; None for the clone that cruft removes."""
    if "_repo_dir" not in ANSWERS:
        return Path(TEMPLATE) if Path(TEMPLATE).is_dir() else None
    try:
        # It may be given relative to where cookiecutter was started, which hooks are not told;
        # but cookiecutter is there while it waits for them.
        return Path(os.readlink(f"/proc/{os.getppid()}/cwd"))
    except OSError:
        return absolute(str(ANSWERS["_repo_dir"]))


def absolute(name: str) -> Path | None:
    """Return the path of what exists where the user's shell is, or else beside the project."""
    for start in (os.environ.get("PWD", ""), ANSWERS["_output_dir"]):
        if (path := Path(start, name)).exists():
            return Path(os.path.realpath(path))
    return None


def git(folder: Path, *arguments: str) -> str | None:
    """Return what git says of a folder; None if it is not the top of a repository."""
    if not (folder / ".git").exists():
        return None
    try:
        command = ["git", "-C", str(folder), *arguments]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def address(url: str) -> str:
    """Return the address of a repository in the words of pip and copier, without a password."""
    url = re.sub(r"^git\+", "", url)
    url = re.sub(r"^([^/:]+@[^/:]+):/*", r"ssh://\1/", url)
    return "git+" + re.sub(r"^(https?://)[^/]*@", r"\1", url)


def find_template() -> tuple[dict[str, str], str | None]:
    """Find out where the template is, now and later.

    Returns:
        What copier has to know to update the project, and where pip finds the suite. Either may be
        missing.
    """
    if TEMPLATE.lower().endswith(".zip"):
        archive = absolute(TEMPLATE)
        url = archive.as_uri() if archive else address(TEMPLATE).removeprefix("git+")
        return {}, f"{url}#subdirectory={SUITE}"
    copy = copy_of_template()
    if copy is None:
        return {}, f"{address(TEMPLATE)}@{ANSWERS['_commit']}#subdirectory={SUITE}"

    version = git(copy, "describe", "--tags", "--always")
    if ANSWERS.get("_repo_dir", TEMPLATE) == TEMPLATE:
        source, suite = str(copy), (copy / SUITE).as_uri()
    elif version and (origin := git(copy, "config", "remote.origin.url")):
        source = address(origin)
        suite = f"{source}@{git(copy, 'rev-parse', 'HEAD')}#subdirectory={SUITE}"
    else:
        # An abbreviation. If it is that of an archive, this is its content, about to be removed.
        folder = copy.parent
        is_temporary = folder.parent == Path(os.path.realpath(tempfile.gettempdir()))
        if is_temporary and re.fullmatch(r"tmp[a-z0-9_]{8}", folder.name):
            return {}, None
        source, suite = str(copy), (copy / SUITE).as_uri()
    return {"_src_path": source} | ({"_commit": version} if version else {}), suite


def main() -> None:
    """Write the suite's address and the answers; say what comes next."""
    origin, suite = find_template()
    if suite:
        path = Path("pyproject.toml")
        text = path.read_text(encoding="utf-8")
        text = text.replace(f'"{REQUIREMENT}"', f'"{REQUIREMENT} @ {suite}"')
        path.write_text(text, encoding="utf-8", newline="\n")
    if "_commit" in ANSWERS:
        return
    if origin:
        given = {name: value for name, value in ANSWERS.items() if not name.startswith("_")}
        answers = yaml.safe_dump({**origin, **given}, indent=4, allow_unicode=True)
        heading = "# Read by `copier update`. Answers are changed there, not here.\n"
        Path(".copier-answers.yml").write_text(heading + answers, encoding="utf-8", newline="\n")
    print(ANSWERS["__next_steps"])
    if not suite:
        print(
            f"\nBut first: {address(TEMPLATE)[4:]!r} does not tell where the conformance suite is, "
            f"and pip would look for {REQUIREMENT} in its index. Put the suite's address into the "
            f'group `dev` of pyproject.toml: "{REQUIREMENT} @ git+https://HOST/REPOSITORY@TAG'
            f'#subdirectory={SUITE}".'
        )
    if "_commit" not in origin:
        print(
            "\nThis copy of the template has no history, so that `copier update` will not know "
            "what is new. Make the project from a git repository if you want updates."
        )


main()
