"""A team that has made a project: what it did, and does for the update.

Most of it is about a project from before there was `core/`. What is done for the update is what
docs/update-a-project.md leaves to its reader.
"""

from __future__ import annotations

import re
from pathlib import Path

SRC = Path("src/zenml_mine")

DEPENDENCY = '    "acme-client>=3",\n'

CLIENT = '''\
"""How we talk to the grid."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping

from .jobs import JobState

STATES = {"Q": JobState.QUEUED, "R": JobState.RUNNING, "D": JobState.SUCCEEDED}


def call(*command: str, environment: Mapping[str, str] | None = None) -> str:
    """Run a command; return what it prints."""
    variables = {**os.environ, **(environment or {})}
    return subprocess.check_output(command, env=variables, text=True).strip()
'''

TEST_OF_CLIENT = '''\
"""Our client."""

from zenml_mine.client import STATES
from zenml_mine.jobs import JobState


def test_of_ours_for_states() -> None:
    """Jobs are seen to run."""
    assert JobState.RUNNING in STATES.values()
'''

TEST_OF_NAMES = '''

def test_of_ours_for_names() -> None:
    """A pipeline may have a short name."""
    assert job_name("a", "b")
'''

METHODS = {
    "submit": """\
        settings = job.settings or MineOrchestratorSettings()
        options = ["--queue", settings.queue, "--name", job.name]
        command = [self.config.client, "submit", *options, "--", *job.command]
        return call(*command, environment=job.environment)
""",
    "status": """\
        return STATES[call(self.config.client, "state", job_id)]
""",
    "cancel": '''\
        call(self.config.client, "kill", job_id)

    def schedule(self, job: Job, cron: str) -> str:
        """Start a job at set times."""
        return call(self.config.client, "at", cron, *job.command, environment=job.environment)

    def unschedule(self, schedule_id: str) -> None:
        """Start it no more."""
        call(self.config.client, "forget", schedule_id)
''',
}

TEST_OF_BACKEND = '''\
"""Our backend."""

from zenml_mine.backend import MineBackend
from zenml_mine.config import MineOrchestratorConfig
from zenml_mine.jobs import Job


def test_of_ours_for_jobs() -> None:
    """A job waits in the queue that the settings name."""
    backend = MineBackend(MineOrchestratorConfig(client="echo"))
    job = Job(name="a", command=("true",), environment={})
    assert backend.submit(job) == "submit --queue main --name a -- true"
'''


def edit(file: Path, pattern: str, text: str) -> None:
    """Replace the one place that matches."""
    before = file.read_text(encoding="utf-8")
    after, places = re.subn(pattern, lambda _: text, before)
    assert places == 1, (file, pattern, places)
    file.write_text(after, encoding="utf-8")


def work(project: Path, pattern: str) -> None:
    """Add a dependency, a module and tests; fill in the backend; change the template's files."""
    edit(project / "pyproject.toml", r"(?<=that changes them\.\n)", DEPENDENCY)
    edit(project / "README.md", r"(?=## Judge\n)", "## Our queues\n\nAsk Ada.\n\n")
    (project / SRC / "client.py").write_text(CLIENT, encoding="utf-8")
    (project / "tests" / "test_client.py").write_text(TEST_OF_CLIENT, encoding="utf-8")
    {"custom_coordinator": fill_in, "slurm": extend_slurm, "local": extend_local}[pattern](project)
    logo = (
        '    @property\n    def logo_url(self) -> str:\n        """Ours."""\n        return "…"\n\n'
    )
    edit(project / SRC / "flavor.py", r"(?=    def to_model)", logo)
    edit(project / "tests" / "test_jobs.py", r"\Z", TEST_OF_NAMES)


def fill_in(project: Path) -> None:
    """Write the backend of a `custom_*` project."""
    config, backend = project / SRC / "config.py", project / SRC / "backend.py"
    queue = '    queue: str = Field(default="main", description="Where jobs wait.")\n'
    edit(config, r"(?=    image: )", queue)
    client = '    client: str = Field(default="grid", description="The command to call.")\n\n'
    edit(config, r"(?<=instead of `Field`\.\n    \"\"\"\n\n)", client)
    edit(config, r"(?<=nobody fires\.\n        \"\"\"\n        return )False", "True")
    imports = "from .client import STATES, call\nfrom .config import MineOrchestratorSettings\n"
    edit(backend, r"(?=from \.jobs import)", imports)
    edit(backend, r"the system of your choice", "the grid")
    comments = r"        # (?:(?!    def ).*\n)*?"
    for name, code in METHODS.items():
        edit(backend, rf"{comments}        raise NotImplementedError\(\"`{name}`.*\n", code)
    (project / "tests" / "test_backend.py").write_text(TEST_OF_BACKEND, encoding="utf-8")


def extend_slurm(project: Path) -> None:
    """Use what the template's backend for Slurm leaves out."""
    reservation = '    reservation: str = Field(default="", description="Which one to use.")\n'
    edit(project / SRC / "config.py", r"(?=    partition: )", reservation)
    option = (
        "    if reservation := _settings(job).reservation:\n"
        '        options.append(f"--reservation={reservation}")\n'
    )
    edit(project / SRC / "sbatch_options.py", r"(?=    if job.depends_on:\n)", option)
    backend = project / SRC / "backend.py"
    edit(backend, r"(?=from \.jobs import)", "from .client import call\n")
    edit(backend, r"(?<=        check_words\(job\)\n)", '        call("grid", "ready")\n')


def extend_local(project: Path) -> None:
    """Give steps what they need on this machine."""
    scratch = '    scratch: str = Field(default="", description="Where steps may write.")\n'
    edit(project / SRC / "config.py", r"(?=    synchronous: )", scratch)
    variable = '        environment["SCRATCH"] = self.config.scratch\n'
    edit(project / SRC / "backend.py", r"(?=        command = list\(job\.command\)\n)", variable)


OURS = {
    ".py": '\n\nOURS = "what we have added"\n',
    ".md": "\n## Our queues\n\nAsk Ada.\n",
    ".toml": '\n[tool.acme]\nqueue = "main"\n',
    ".yaml": "---\n# What we have added.\n",
}
"""What is added at the end of a file."""


def edit_everything(project: Path) -> dict[str, str]:
    """Add something to every file that an update may not take away; return what, by name."""
    added = {}
    for path in sorted(project.rglob("*")):
        name = path.relative_to(project).as_posix()
        of_template = name.startswith((".git/", f"{SRC}/core/", ".copier-answers", ".cruft"))
        if path.is_dir() or of_template or path.name == "py.typed":
            continue
        text = path.read_text(encoding="utf-8")
        if name.startswith(".github/"):
            added[name] = "# Ask Ada before you change this.\n"
            path.write_text(added[name] + text, encoding="utf-8")
        else:
            added[name] = OURS.get(path.suffix, "\n# Ours\n")
            path.write_text(text + added[name], encoding="utf-8")
    edit(project / "pyproject.toml", r"(?<=that changes them\.\n)", DEPENDENCY)
    return added


CONFLICT = re.compile(r"^<{7} .*\n((?:.*\n)*?)={7}\n((?:.*\n)*?)>{7} .*\n", re.M)


def resolve(file: Path, work: set[str]) -> list[str]:
    """Resolve conflicts as docs/update-a-project.md says; return what they were about.

    Args:
        file: The file.
        work: The lines that the team has added.
    """
    about = []

    def keep(conflict: re.Match[str]) -> str:
        ours, theirs = conflict.groups()
        if ours.startswith("from "):
            about.append("imports")
            return ours + theirs
        if "raise NotImplementedError" in theirs:
            about.append("a method of ours")
            return ours
        about.append("a method of the template's")
        return "".join(line for line in ours.splitlines(True) if line.rstrip() in work) + theirs

    text = CONFLICT.sub(keep, file.read_text(encoding="utf-8"))
    file.write_text(text, encoding="utf-8")
    return about


def put_back(project: Path, pattern: str) -> None:
    """Do again what was done to the template's files; inherit the schedules."""
    edit(project / SRC / "flavor.py", r"(?=    config_class = )", '    logo_url = "…"\n')
    imports = '"""What we had missed."""\n\nfrom zenml_mine.core.names import job_name\n'
    (project / "tests" / "test_names.py").write_text(imports + TEST_OF_NAMES, encoding="utf-8")
    if pattern != "custom_coordinator":
        return
    orchestrator, backend = project / SRC / "orchestrator.py", project / SRC / "backend.py"
    edit(backend, r"(?=\n\n\nclass )", "\nfrom .core.schedules import SchedulingBackend")
    edit(backend, r"(?<=class MineBackend\()JobBackend", "SchedulingBackend")
    imports = "from .core.schedules import ScheduledRuns, SchedulingBackend"
    edit(orchestrator, r"from \.core\.jobs import JobBackend", imports)
    edit(orchestrator, r"(?<=class MineOrchestrator\()", "ScheduledRuns, ")
    edit(orchestrator, r"(?<=def backend\(self\) -> )JobBackend", "SchedulingBackend")
