"""Makes a report of what a session comes to and of the evidence that it leaves."""

from __future__ import annotations

import platform
import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

from zenml_conformance import __version__
from zenml_conformance.context.evidence import Evidence, UnderClaim
from zenml_conformance.contract.rule import Outcome, Profile, Tier
from zenml_conformance.contract.rules import RULES
from zenml_conformance.inputs import printable
from zenml_conformance.judging import verdict as verdicts
from zenml_conformance.judging.description import Description
from zenml_conformance.prove.proof import Proof, tally
from zenml_conformance.report import timeline
from zenml_conformance.report.model import (
    ClaimRow,
    Environment,
    ProfileStanding,
    ProofReport,
    ProofRow,
    Report,
    RuleResult,
    ScenarioReport,
    Standing,
    Subject,
    WaiverRow,
)
from zenml_conformance.scenarios.scenario import SCENARIOS
from zenml_conformance.session.options import Options
from zenml_conformance.session.result import Result
from zenml_conformance.target.patience import PATIENCE_SECONDS


def under_claims(scenarios: Sequence[Path]) -> list[UnderClaim]:
    """Look up what works without being declared.

    Args:
        scenarios: Where the scenarios left their evidence.

    Returns:
        Each of them once; nothing when nothing was looked at.
    """
    found: list[UnderClaim] = []
    for path in (path for directory in scenarios for path in sorted(directory.glob("*.json"))):
        found += [claim for claim in Evidence.read(path).under_claims if claim not in found]
    return found


def command(asked: Options, keyword: str, here: Path, proves: bool) -> str:
    """Write down what judges the orchestrator again.

    Args:
        asked: What was asked for, from wherever.
        keyword: What `-k` selected.
        here: Where the session ran.
        proves: Whether it proved what it judged.

    Returns:
        A command for a shell. Configured values are left out, since any of them may be secret.
    """
    words = [f"--orchestrator={asked.orchestrator}"]
    words += [
        f"--orchestrator-config={key}={str(value).lower() if isinstance(value, bool) else '…'}"
        for key, value in asked.config.items()
    ]
    if asked.harness:
        words.append(f"--orchestrator-harness={asked.harness}")
    if asked.tier is Tier.LIVE:
        words.append("--conformance-tier=live")
    if asked.on_server:
        words.append(f"--conformance-store={asked.store}")
    if asked.patience != PATIENCE_SECONDS:
        words.append(f"--conformance-patience={asked.patience:g}")
    if asked.profiles:
        words.append(f"--conformance-profile={','.join(p.value for p in asked.profiles)}")
    if asked.rules:
        words.append(f"--conformance-rules={','.join(asked.rules)}")
    if asked.budget:
        words.append(f"--conformance-budget={asked.budget:g}")
    for name, path in {"waivers": asked.waivers, "baseline": asked.baseline}.items():
        if path:
            shown = path.relative_to(here) if path.is_relative_to(here) else path.name
            words.append(f"--conformance-{name}={shown}")
    if asked.strict:
        words.append("--conformance-strict")
    if proves:
        words.append("--prove")
    if keyword:
        words += ["-k", keyword]
    return printable(shlex.join(["pytest", *words]))


def report(
    result: Result,
    description: Description,
    again: str,
    scenarios: Sequence[Path],
    proofs: Sequence[Proof] = (),
    *,
    on_server: bool = False,
) -> Report:
    """Make the report.

    Args:
        result: What the session came to.
        description: What was judged.
        again: What judges it again.
        scenarios: Where the scenarios left their evidence, the judged tier's first.
        proofs: What was proved, and what could not be.
        on_server: Whether ZenML's store was a server.

    Returns:
        The report.
    """
    verdict = result.verdict
    scope = verdict.scope or tuple(Profile)
    return Report(
        created=datetime.now(timezone.utc).replace(microsecond=0),
        command=again,
        subject=Subject(
            name=description.orchestrator,
            flavor=description.flavor,
            distribution=description.distribution,
            version=description.version,
            harness=description.harness,
            tier=Tier.SIMULATED if description.connected else Tier.LIVE,
            store="server" if on_server else "sqlite",
        ),
        environment=Environment(
            suite=__version__,
            zenml=description.zenml,
            python=platform.python_version(),
            platform=f"{platform.system()} {platform.release()} ({platform.machine()})",
        ),
        scope=list(scope),
        verdict=Standing.model_validate(_standing(verdict)),
        profiles=[
            ProfileStanding.model_validate({"profile": profile, **_standing(standing)})
            for profile, standing in verdict.profiles.items()
        ],
        problems=result.problems,
        claims=[
            ClaimRow(capability=c.capability, declared=c.declared, shown=c.shown, detail=c.detail)
            for c in result.claims
        ],
        rules=[_rule(outcome) for outcome in verdict.outcomes.values()],
        left_out=[rule for rule in RULES if rule not in verdict.outcomes],
        waivers=[
            WaiverRow(**entry.waiver.model_dump(), state=entry.state, problem=entry.problem)
            for entry in result.ledger
        ],
        change=result.change,
        proof=_proof(proofs, verdict.outcomes) if proofs else None,
        scenarios=_scenarios(scenarios, verdict.outcomes),
    )


def _proof(proofs: Sequence[Proof], outcomes: dict[str, Outcome]) -> ProofReport:
    seen = tally(proofs, outcomes)
    return ProofReport(
        rows=[
            ProofRow(rule=row.rule, fault=row.fault, catch=row.catch, detail=row.detail)
            for row in seen.rows
        ],
        hold=list(seen.hold),
        bite=list(seen.bite),
        unshown=list(seen.unshown),
    )


def _standing(standing: verdicts.Standing) -> dict[str, object]:
    return {
        "kind": standing.kind,
        "label": standing.label,
        "reason": standing.reason,
        "musts": standing.total,
        "held": standing.held,
        "inapplicable": standing.inapplicable,
    }


def _rule(outcome: Outcome) -> RuleResult:
    rule = RULES[outcome.rule]
    return RuleResult(
        id=rule.id,
        level=rule.level,
        profile=rule.profile,
        capability=rule.capability and rule.capability.value,
        area=rule.area,
        title=rule.title,
        why=rule.why,
        fix=rule.fix,
        since=rule.since,
        scenarios=list(rule.scenarios),
        status=outcome.status,
        detail=_fit_to_publish(outcome),
        blocked_by=outcome.blocked_by,
        tier=outcome.tier,
    )


def _fit_to_publish(outcome: Outcome) -> str:
    """What was seen; of a traceback or a log, which may hold anything, only its two ends."""
    lines = outcome.detail.strip().splitlines()
    if outcome.tier is None and len(lines) > 2:
        return f"{lines[0]} {lines[-1].strip()}"
    return outcome.detail.strip()


def _scenarios(
    directories: Sequence[Path], outcomes: Mapping[str, Outcome]
) -> list[ScenarioReport]:
    """Every scenario that some rule looks at, in the order in which rules first do.

    A scenario that was run on two backends is told twice, each time to the rules that were
    shown there.
    """
    looked_at: dict[str, list[Outcome]] = {}
    for rule_id, outcome in outcomes.items():
        for name in RULES[rule_id].scenarios:
            looked_at.setdefault(name, []).append(outcome)
    drawn = []
    for directory in directories:
        for name, looking in looked_at.items():
            path = directory / f"{name}.json"
            if path.exists():
                evidence = Evidence.read(path)
                elsewhere = Tier.LIVE if evidence.simulated else Tier.SIMULATED
                rules = [outcome.rule for outcome in looking if outcome.tier is not elsewhere]
                drawn.append(timeline.draw(evidence, SCENARIOS[name].sentence, rules))
    # The inspection runs nothing, so there is nothing to draw of it.
    return [scenario for scenario in drawn if scenario.lanes or scenario.broken]
