"""What runs on a forge: workflows that are well formed and trust nobody, here and in projects."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import copier
import cruft
import pytest
import yaml

from engines import ROOT, TREE, Engines, git, set_environment

PIN = re.compile(r"uses: ([\w./-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def project(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project: those of all patterns have the same workflows."""
    return engines.cookiecutter(tmp_path_factory.mktemp("project"))


@pytest.fixture(params=["kit", "project"])
def checkout(request: pytest.FixtureRequest, tmp_path: Path, project: Path) -> Path:
    """What a forge sees of the kit, and of a project."""
    source = ROOT if request.param == "kit" else project
    shutil.copytree(source / ".github", tmp_path / ".github")
    shutil.copy(source / ".pre-commit-config.yaml", tmp_path)
    git(tmp_path, "init", "--quiet")
    return tmp_path


def workflows(checkout: Path) -> list[Path]:
    """Return the workflows."""
    found = sorted((checkout / ".github" / "workflows").iterdir())
    assert found
    return found


def jobs(workflow: Path) -> dict[str, Any]:
    """Return a workflow's jobs."""
    found: dict[str, Any] = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]
    return found


def passes(checkout: Path, *command: str) -> None:
    """Run a command; fail with its output."""
    done = subprocess.run(
        command, cwd=checkout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, done.stdout


def test_same_for_all_patterns(project: Path) -> None:
    """They are what the template has, without an answer: one project stands for all below."""
    for file in (project / ".github").rglob("*.yml"):
        template = (ROOT / TREE / file.relative_to(project)).read_text(encoding="utf-8")
        text = re.sub(r"^{% (raw -|endraw )%}\n", "", template, flags=re.MULTILINE)
        assert file.read_text(encoding="utf-8") == text


def test_zizmor(checkout: Path) -> None:
    """No finding, not even of those that only the pedantic want."""
    zizmor = str(Path(sys.executable).with_name("zizmor"))
    passes(checkout, zizmor, "--offline", "--persona", "pedantic", ".")


def test_actionlint(checkout: Path) -> None:
    """Expressions, contexts, and, with shellcheck, scripts."""
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    actionlint = shutil.which("actionlint", path=places)
    if actionlint is None:
        # A package index has it from strangers only: CI can do without.
        pytest.skip("actionlint is not installed")
    shellcheck = shutil.which("shellcheck", path=places) or ""
    passes(checkout, actionlint, "-shellcheck", shellcheck)


def test_pins(project: Path) -> None:
    """Every action is pinned by commit, with its version, and to the same one everywhere."""
    commits: dict[str, set[str]] = {}
    for file in (*workflows(ROOT), *workflows(project)):
        text = file.read_text(encoding="utf-8")
        pins = PIN.findall(text)
        assert len(pins) == text.count("uses: "), file
        for action, commit, version in pins:
            commits.setdefault(action, set()).add(f"{commit} {version}")
    assert {action: found for action, found in commits.items() if len(found) > 1} == {}


def test_who_may_write(checkout: Path) -> None:
    """A job that may write runs no code: it checks nothing out, and installs nothing."""
    for workflow in workflows(checkout):
        assert yaml.safe_load(workflow.read_text(encoding="utf-8"))["permissions"] == {}
        for name, job in jobs(workflow).items():
            assert "timeout-minutes" in job, (workflow.name, name)
            if "write" in job["permissions"].values():
                steps = job["steps"]
                assert not [step for step in steps if "checkout" in step.get("uses", "")], name
                assert not [step for step in steps if "pip" in step.get("run", "")], name


def test_forks_get_no_comment(project: Path) -> None:
    """The token of a fork's pull request can't write, and nothing else is asked for."""
    text = (project / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert "pull_request_target" not in text and "workflow_run" not in text
    condition = jobs(project / ".github" / "workflows" / "ci.yml")["comment"]["if"]
    assert "head.repo.full_name == github.repository" in condition


def script(workflow: Path, job: str, step: str) -> str:
    """Return what a step runs."""
    (found,) = [found["run"] for found in jobs(workflow)[job]["steps"] if found.get("name") == step]
    return str(found)


def look_for_update(project: Path, news: Path) -> str:
    """Do what the weekly workflow does in a checkout; return what it writes and prints."""
    programs = news.parent / "programs"
    programs.mkdir(exist_ok=True)
    (programs / "pip").write_text("#!/bin/sh\n")  # Both tools are there.
    (programs / "pip").chmod(0o755)
    places = [str(programs), str(Path(sys.executable).parent), os.environ["PATH"]]
    run = script(project / ".github/workflows/news.yml", "template", "Update this checkout")
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", run],
        cwd=project,
        env={**os.environ, "PATH": os.pathsep.join(places), "NEWS": str(news)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    said = news.read_text(encoding="utf-8") if news.exists() else ""
    news.unlink(missing_ok=True)
    git(project, "reset", "--hard", "--quiet")
    git(project, "clean", "-d", "--force", "--quiet")
    return said or done.stdout


ADDRESS = "https://git.example.com/acme/kit.git"


def small_template(repository: Path, tool: str) -> None:
    """Make a template that is rendered in no time."""
    tree = repository / "{{cookiecutter.name}}"
    tree.mkdir(parents=True)
    (tree / "README.md").write_text("# A project\n")
    if tool == "copier":
        folder = "{% raw %}{{cookiecutter.name}}{% endraw %}"
        (repository / "copier.yml").write_text(f'_subdirectory: "{folder}"\n')
        answers = "{{ _copier_answers | to_nice_yaml }}"
        (tree / "{{_copier_conf.answers_file}}.jinja").write_text(answers)
    else:
        (repository / "cookiecutter.json").write_text('{"name": "project"}\n')
    git(repository, "init", "--quiet")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "First")


@pytest.mark.parametrize("tool", ["copier", "cruft"])
def test_news_of_the_template(
    tool: str, home: Path, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update is found when there is one, by the tool that the project was made with."""
    repository = tmp_path / "repository"
    small_template(repository, tool)
    replacement = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{repository}.insteadOf",
        "GIT_CONFIG_VALUE_0": ADDRESS,
    }
    set_environment(monkeypatch, replacement)
    made = tmp_path / "project"
    if tool == "copier":
        copier.run_copy(ADDRESS, made, defaults=True, quiet=True)
    else:
        cruft.create(ADDRESS, tmp_path, no_input=True, default_config=True)
    shutil.copytree(project / ".github", made / ".github")
    git(made, "init", "--quiet")
    git(made, "add", "--all")
    git(made, "commit", "--quiet", "--message", "First")

    news = tmp_path / "template.md"
    assert "changes:" not in look_for_update(made, news)
    (repository / "{{cookiecutter.name}}" / "README.md").write_text("# A project\n\nNews.\n")
    git(repository, "commit", "--quiet", "--all", "--message", "Second")
    said = look_for_update(made, news)
    assert f"`{tool} update --" in said and re.search(r"^ *M +README\.md$", said, re.MULTILINE)


def test_no_news_without_a_template(project: Path, tmp_path: Path) -> None:
    """A template in a directory, or none, is said, and is no failure each week."""
    copy = shutil.copytree(project, tmp_path / "project")
    git(copy, "init", "--quiet")
    git(copy, "add", "--all")
    git(copy, "commit", "--quiet", "--message", "First")
    answers = copy / ".copier-answers.yml"
    answers.write_text("_src_path: /home/me/kit\n")
    git(copy, "add", "--all")
    git(copy, "commit", "--quiet", "--message", "Second")
    assert "The template was a directory" in look_for_update(copy, tmp_path / "template.md")
    git(copy, "rm", "--quiet", answers.name)
    git(copy, "commit", "--quiet", "--message", "Third")
    assert "no template to follow" in look_for_update(copy, tmp_path / "template.md")


FAKE_GH = """\
#!/bin/sh
printf '%s\\n' "$*" >> calls
case "$*" in *--jq*) cat found 2>/dev/null ;; esac
exit 0
"""
"""Stands in for GitHub's client: it writes down what it is asked, and finds what `found` says."""


def with_fake_gh(folder: Path, run: str, **environment: str) -> list[str]:
    """Run a step's script with a fake client; return what that was asked to do."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    (programs / "gh").write_text(FAKE_GH)
    (programs / "gh").chmod(0o755)
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    calls = folder / "calls"
    calls.unlink(missing_ok=True)
    subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", run],
        cwd=folder,
        env={**os.environ, "PATH": path, "RUN": "https://run", **environment},
        check=True,
    )
    return calls.read_text(encoding="utf-8").splitlines()


def test_comment(project: Path, tmp_path: Path) -> None:
    """The first run writes a comment, later ones replace it; a long report is cut."""
    name = "Write the comment, or replace the earlier one"
    run = script(project / ".github/workflows/ci.yml", "comment", name)
    (tmp_path / "report").mkdir()
    report = tmp_path / "report" / "report.md"
    report.write_text("# Conformant\n")
    variables = {"GH_REPO": "acme/kit", "NUMBER": "7"}
    first = with_fake_gh(tmp_path, run, **variables)
    assert first[-1] == "api --method POST repos/acme/kit/issues/7/comments -F body=@comment.md"
    said = (tmp_path / "comment.md").read_text()
    assert said.startswith("<!-- conformance report -->\n# Conformant\n")
    assert "[this run](https://run)" in said

    (tmp_path / "found").write_text("41\n42\n")
    report.write_text("# Conformant\n" + "A long line of the report.\n" * 5000)
    later = with_fake_gh(tmp_path, run, **variables)
    assert later[-1] == "api --method PATCH repos/acme/kit/issues/comments/41 -F body=@comment.md"
    said = (tmp_path / "comment.md").read_text()
    assert "only its beginning" in said and len(said) < 65_536


def test_issues(project: Path, tmp_path: Path) -> None:
    """One issue for each kind of news; one that is open says what is new now."""
    name = "Open an issue for each, or replace what the open one says"
    run = script(project / ".github/workflows/news.yml", "issues", name)
    news = tmp_path / "artifacts" / "news-template" / "template.md"
    news.parent.mkdir(parents=True)
    news.write_text("Changes.\n")
    (news.parent / "other.md").write_text("Not news.\n")
    asked, done = with_fake_gh(tmp_path, run)
    assert asked.startswith("issue list --state open")
    title = "The template has an update"
    file = "artifacts/news-template/template.md"
    assert done == f"issue create --title {title} --body-file {file}"
    assert news.read_text().endswith("Found by [this run](https://run).\n")
    (tmp_path / "found").write_text("12\n")
    assert with_fake_gh(tmp_path, run)[-1] == f"issue edit 12 --body-file {file}"


def test_uv(project: Path, tmp_path: Path) -> None:
    """What the README says for uv can be resolved, with the suite; pip's is installed elsewhere."""
    copy = shutil.copytree(project, tmp_path / "project")
    settings = copy / "pyproject.toml"
    missing = re.search(r"file://\S+/conformance_tests", settings.read_text("utf-8"))
    assert missing
    here = (ROOT / "conformance_tests").as_uri()
    settings.write_text(settings.read_text("utf-8").replace(missing[0], here), "utf-8")
    install = "$ uv pip install -e "
    (line,) = [
        line for line in (copy / "README.md").read_text("utf-8").splitlines() if install in line
    ]
    options = shlex.split(line.removeprefix("$ uv "))
    uv = str(Path(sys.executable).with_name("uv"))
    passes(copy, uv, *options, "--dry-run", "--python", sys.executable)


@pytest.mark.parametrize("place", ["kit", "suite", "project"])
def test_repo_review(place: str, project: Path) -> None:
    """Scientific Python's review of a repository: all is in order, or waived with a reason."""
    folder = {"kit": ROOT, "suite": ROOT / "conformance_tests", "project": project}[place]
    passes(folder, str(Path(sys.executable).with_name("repo-review")), ".")
