"""ZenML's server: what it asks of those whose store it is."""

from __future__ import annotations

import functools
import re
from collections import Counter

from zenml_conformance.context.evidence import Evidence
from zenml_conformance.contract.rule import (
    MUST,
    SHOULD,
    Capability,
    NotApplicable,
    NotSeen,
    Profile,
    Violation,
    rule,
)
from zenml_conformance.scenarios.diamond import Diamond
from zenml_conformance.scenarios.login_ended import IDLE_SECONDS, LoginEnded
from zenml_conformance.scenarios.server_away import ServerAway
from zenml_conformance.scenarios.stopped_by_server import StoppedByServer
from zenml_conformance.scenarios.two_users import TwoUsers

server_rule = functools.partial(rule, profile=Profile.SERVER, needs_server=True, since="0.3")

MOST_REQUESTS = 2
"""How many may come by chance: a client or a coordinator that looks once, every ten seconds."""

IN_CLIENT = "the steps run in the client's process, and share its login"
"""Why what becomes of a job can't be said of some orchestrators."""


def _check_completed(seen: Evidence, ran: bool, meanwhile: str) -> None:
    """See that the run came to its end all the same."""
    if not ran:
        raise NotSeen("no step was seen running")
    if not seen.run:
        raise NotSeen("no run was recorded")
    if seen.run.status != "completed":
        raise Violation(f"{meanwhile}; {seen.at_the_end}, the run was {seen.run.in_words}")


@server_rule("SRV-1", MUST)
def a_run_outlives_its_login(login_ended: LoginEnded) -> None:
    """A run goes on when the login that submitted it is over.

    Why: a login lasts for hours, a run may last for days. ZenML gives each run a token of its own,
    which is valid as long as the run is
    (`zenml.orchestrators.utils.get_config_environment_vars`).

    Fix: have whatever works for a run use the environment that ZenML hands to
    `submit_pipeline` and `submit_dynamic_pipeline`, what walks the DAG included; copy nothing of
    the client's own configuration. In a generated `backend.py`: pass on all of `job.environment`.
    """
    if login_ended.in_process:
        raise NotApplicable(IN_CLIENT)
    _check_completed(login_ended, login_ended.step_ran, "the client's login ended while a step ran")


@server_rule("SRV-2", MUST)
def a_job_has_the_runs_token(diamond: Diamond) -> None:
    """A step's process has the token of its run, and no other way into ZenML's server.

    Why: the run's token ends with the run. A user's token, key or password in a job's environment
    gives anyone who sees it all that the user may do, for as long as it lasts.

    Fix: pass on what ZenML hands over (`ZENML_STORE_API_TOKEN`); add no `ZENML_STORE_*` of the
    client's. In a generated `backend.py`: pass on `job.environment` as it is.
    """
    if diamond.in_process:
        raise NotApplicable(IN_CLIENT)
    if not diamond.probes:
        raise NotSeen("no step was seen running")
    for probe in diamond.probes:
        if probe.access.others:
            raise Violation(f"{probe.step!r} was started with {', '.join(probe.access.others)}")
        if probe.access.token != f"run {probe.run}":
            whose = probe.access.token or "nobody"
            raise Violation(f"{probe.step!r} was started with the token of: {whose}, not its run's")


# Elsewhere than on the fake backend, the next step may start meanwhile: ZenML's client ends it.
@server_rule("SRV-3", SHOULD, needs_jobs=True)
def a_run_outlives_an_outage(server_away: ServerAway) -> None:
    """A run goes on when ZenML's server has failed between two steps, and was started again.

    Why: servers are updated while runs are under way. ZenML's client repeats some requests for a
    while, and raises at once when the answer is 500
    (`zenml.zen_stores.rest_zen_store.RestZenStore.session`). What walks the DAG must not end with
    that, or nobody starts the next step.

    Fix: repeat what fails, with pauses that grow. In a generated project, `through_outages` in
    `core/outages.py` does.
    """
    if server_away.in_process:
        raise NotApplicable(IN_CLIENT)
    _check_completed(
        server_away, server_away.step_ran, "ZenML's server failed and was started again"
    )
    if not server_away.asked:
        raise NotApplicable("nothing of it asks ZenML's server between two steps")


@server_rule("SRV-4", SHOULD)
def nobody_polls_the_server(login_ended: LoginEnded) -> None:
    """While nothing happens but that a step runs, next to nobody asks ZenML's server.

    Why: a run may last for days, and a server has many of them. What asks once a second sends it
    86,400 requests a day for each run, from the client and from what walks the DAG, to be told
    that nothing is new.

    Fix: wait for the ends of jobs at your backend, which knows them first, and ask ZenML's server
    when one has ended; between two looks at it, let at least ten seconds pass. In a generated
    project, `wait_for_news` in `core/monitoring.py` waits at the backend.
    """
    if not login_ended.step_ran:
        raise NotSeen("no step was seen running")
    if len(login_ended.asked) > MOST_REQUESTS:
        kinds = Counter(re.sub(r"[0-9a-f-]{36}", "ID", request) for request in login_ended.asked)
        most = ", ".join(f"{request} {count} times" for request, count in kinds.most_common(2))
        raise Violation(
            f"within {IDLE_SECONDS:.0f} seconds in which a step ran and nothing else happened, "
            f"there were {len(login_ended.asked)} requests: {most}"
        )


@server_rule("SRV-5", SHOULD, capability=Capability.STOP)
def the_buttons_do_what_they_say(stopped_by_server: StoppedByServer) -> None:
    """Refreshed or stopped from the dashboard, a run is as it should be, or the server says why.

    Why: these buttons have ZenML's server make an instance of your orchestrator
    (`zenml.zen_server.routers.runs_endpoints.stop_run`), on a machine that has neither the client's
    files nor, perhaps, your backend's commands. Code that takes what can't be seen there for dead
    ends the records of runs that go on.

    Fix: find a run's jobs by what ZenML's store knows. Where they can't be reached, raise before
    anything is changed, and say from where they can. In a generated `backend.py`: raise
    `OutOfReachError` from `status`; `core` does the rest.
    """
    seen = stopped_by_server
    if seen.in_process:
        raise NotApplicable(IN_CLIENT)
    if not seen.after_refresh.in_progress:
        raise Violation(
            f"a step ran, the server refreshed the run, and it was {seen.after_refresh.status!r}"
        )
    if raised := seen.stop.raised:
        if seen.after_stop.status != seen.after_refresh.status:
            raise Violation(
                f"the server did not stop the run ({raised}), and left it as "
                f"{seen.after_stop.status!r}"
            )
        return
    if seen.after_stop.in_progress or seen.outlived:
        went_on = f", and the step {seen.outlived[0]!r} went on" if seen.outlived else ""
        raise Violation(
            "the server was told to stop the run, and said that it had; the run was "
            f"{seen.after_stop.status!r}{went_on}"
        )


@server_rule("SRV-6", MUST)
def users_are_kept_apart(two_users: TwoUsers) -> None:
    """What a run does is done as the user who has submitted it, also beside another user's run.

    Why: what works for several runs, such as a daemon, a pool of processes or a service on the
    cluster, meets more than one user's token. With the wrong one, a run's records and artifacts
    are another user's, who may see less or more, and the run ends when that token does.

    Fix: give each process the environment that ZenML handed over for its own run
    (`submit_pipeline`, `submit_dynamic_pipeline`), and keep nothing of it for the next run. In a
    generated `backend.py`: start each job with `job.environment`, and nothing of another job's.
    """
    if not two_users.at_once:
        raise NotSeen("no step of the one run was seen while one of the other run went on")
    runs = [run for run in two_users.runs if run.id in two_users.submitted_by]
    if len(runs) < len(two_users.submitted_by):
        raise NotSeen("the run of one of the two users was not recorded")
    for run in runs:
        user = two_users.submitted_by[run.id]
        for step in run.steps:
            if step.user != user:
                whose = step.user or "nobody"
                raise Violation(f"{step.name!r}, of {user}'s run, was done as: {whose}")
        if run.status != "completed":
            raise Violation(f"{user}'s run, beside one of another user, was {run.in_words}")
