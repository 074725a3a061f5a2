"""Reports: what is in them, what is not, and that every form says the same."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from markdown_it import MarkdownIt

from samples import MUSTS, SECRET, proof, report, waiver
from zenml_conformance.context.evidence import Evidence, UnderClaim
from zenml_conformance.contract.claims import Shown
from zenml_conformance.contract.rule import Profile, Status, Tier
from zenml_conformance.contract.rules import RULES
from zenml_conformance.errors import OptionError
from zenml_conformance.prove.proof import Catch
from zenml_conformance.report import files, matrix, render, timeline
from zenml_conformance.report.model import Report, ReportError, read
from zenml_conformance.session import report as session_report
from zenml_conformance.session.options import Options
from zenml_conformance.target.patience import PATIENCE_SECONDS

SCHEMA = json.loads((Path(files.__file__).parent / "report.schema.json").read_text())
HOSTILE = "<script>alert(1)</script> | `x` ``` \"' &amp; [a](javascript:b) @all\n# a heading"


@pytest.fixture
def sample(tmp_path: Path) -> Report:
    """A report with something of everything."""
    before = report(tmp_path, {"SUB-1": Status.FAILED})
    return report(
        tmp_path,
        {
            "RES-1": Status.FAILED,
            "RES-2": Status.BLOCKED,
            "DAG-1": Status.FAILED,
            "DAG-3": Status.NOT_APPLICABLE,
            "DAG-4": Status.NOT_APPLICABLE,
            "ENV-1": Status.NOT_SEEN,
            "ENV-2": Status.NOT_REACHED,
            "ENV-3": Status.ERROR,
        },
        waivers=(waiver("RES-1", issue="https://issues.example/1"), waiver("NOSUCH-1")),
        before=before,
        proofs=(
            proof("SUB-1", Catch.CAUGHT, "the job is submitted twice"),
            proof("SUB-2", Catch.MISSED, "the job is never submitted"),
            proof("RUNID-1", Catch.NOT_RUN, "the id is random"),
        ),
    )


def test_a_report_fits_its_schema(sample: Report) -> None:
    jsonschema.validate(json.loads(sample.model_dump_json()), SCHEMA)


def test_the_schema_refuses_what_is_no_report(sample: Report) -> None:
    content = json.loads(sample.model_dump_json())
    content["verdict"]["kind"] = "splendid"
    with pytest.raises(jsonschema.ValidationError, match="splendid"):
        jsonschema.validate(content, SCHEMA)


def test_the_schema_is_that_of_the_models() -> None:
    assert SCHEMA["title"] == Report.model_config.get("title")
    assert set(SCHEMA["properties"]) == set(Report.model_fields)
    for name, definition in Report.model_json_schema(mode="serialization")["$defs"].items():
        assert set(SCHEMA["$defs"][name].get("properties", {})) == set(
            definition.get("properties", {})
        )
        assert SCHEMA["$defs"][name].get("enum") == definition.get("enum")


def test_what_was_proved_is_told(sample: Report) -> None:
    assert sample.proof
    out_of_reach = [f"PROC-{number}" for number in range(1, 6)]
    assert sample.proof.hold == ["SUB-1", "SUB-2", "RUNID-1", *out_of_reach]
    assert sample.proof.bite == ["SUB-1"]
    assert sample.proof.unshown == ["RUNID-1", *out_of_reach]
    for text in (render.markdown(sample), render.page(sample)):
        assert "1 of 8 MUST rules that hold were shown to bite" in text
        assert "NOT CAUGHT" in text and "the job is never submitted" in text


def test_where_nothing_was_proved_nothing_is_told(tmp_path: Path) -> None:
    silent = report(tmp_path)
    assert silent.proof is None
    assert "Proof" not in render.markdown(silent) + render.page(silent)


def test_a_report_is_read_as_it_was_written(sample: Report, tmp_path: Path) -> None:
    files.write(sample, tmp_path)
    assert read(tmp_path / "report.json") == sample
    assert {path.name for path in tmp_path.iterdir()} >= {"report.md", "report.html", "badge.svg"}
    assert not list(tmp_path.glob(".*partial"))


def test_a_later_suite_may_say_more(sample: Report, tmp_path: Path) -> None:
    content = {**json.loads(sample.model_dump_json()), "later": 1}
    (tmp_path / "report.json").write_text(json.dumps(content))
    assert read(tmp_path / "report.json") == sample


def test_another_format_is_refused(sample: Report, tmp_path: Path) -> None:
    content = {**json.loads(sample.model_dump_json()), "format_version": 2}
    (tmp_path / "report.json").write_text(json.dumps(content))
    with pytest.raises(ReportError, match="format_version"):
        read(tmp_path / "report.json")


def test_every_rule_is_in_it_or_was_left_out(sample: Report) -> None:
    assert [rule.id for rule in sample.rules] == list(RULES)
    assert sample.left_out == []
    assert sample.verdict.musts == len(MUSTS)
    assert sum(standing.musts for standing in sample.profiles) == len(MUSTS)


def test_no_form_holds_a_secret(sample: Report, tmp_path: Path) -> None:
    """Environments, commands, logs and what exceptions say stay in the evidence."""
    assert SECRET in (tmp_path / "diamond.json").read_text()
    files.write(sample, tmp_path / "report")
    written = list((tmp_path / "report").iterdir())
    assert len(written) == 4
    for path in written:
        assert SECRET not in path.read_text()


def test_of_what_a_log_said_only_the_ends_are_published(tmp_path: Path) -> None:
    log = f"scenario 'diamond' could not be run:\nTOKEN={SECRET}\nKeyError: 'x'"
    made = report(tmp_path, {"RES-1": Status.ERROR}, details={"RES-1": log})
    result = made.result("RES-1")
    assert result is not None
    assert result.detail == "scenario 'diamond' could not be run: KeyError: 'x'"


def asked(**changed: object) -> Options:
    fields: dict[str, object] = {
        "orchestrator": "acme:Flavor",
        "config": {},
        "harness": None,
        "tier": Tier.SIMULATED,
        "store": "sqlite",
        "patience": PATIENCE_SECONDS,
        "profiles": (),
        "rules": (),
        "budget": None,
        "waivers": None,
        "baseline": None,
        "strict": False,
        "report": None,
    }
    return Options(**{**fields, **changed})  # type: ignore[arg-type]


def test_the_command_judges_again_and_tells_no_values() -> None:
    here = Path("/home/jane/acme")
    options = asked(
        config={"token": SECRET, "password": 1234, "synchronous": False},
        harness="acme:Harness",
        tier=Tier.LIVE,
        store="server",
        patience=90.0,
        profiles=(Profile.STATIC, Profile.DYNAMIC),
        rules=("ENV", "STOP-1"),
        budget=90.0,
        waivers=here / "ci" / "waivers.yaml",
        baseline=Path("/home/jane/elsewhere/report.json"),
        strict=True,
    )
    assert session_report.command(options, "RES or SUB", here, proves=True) == (
        "pytest --orchestrator=acme:Flavor '--orchestrator-config=token=…' "
        "'--orchestrator-config=password=…' --orchestrator-config=synchronous=false "
        "--orchestrator-harness=acme:Harness --conformance-tier=live --conformance-store=server "
        "--conformance-patience=90 "
        "--conformance-profile=static,dynamic --conformance-rules=ENV,STOP-1 "
        "--conformance-budget=90 "
        "--conformance-waivers=ci/waivers.yaml --conformance-baseline=report.json "
        "--conformance-strict --prove -k 'RES or SUB'"
    )


def test_a_directory_that_can_not_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OptionError, match="nothing can be written there"):
        files.make_room(tmp_path / "file" / "report")
    files.make_room(tmp_path / "new" / "report")
    assert list((tmp_path / "new" / "report").iterdir()) == []


@pytest.mark.parametrize("shown", [shown for shown in Shown if shown is not Shown.UNDECLARED])
def test_every_word_for_a_claim_has_a_colour(sample: Report, shown: Shown) -> None:
    claim = sample.claims[0].model_copy(update={"shown": shown})
    told = sample.model_copy(update={"claims": [claim]})
    assert re.search(rf'class="pill \w+">{shown.value}</span>', render.page(told))


def test_under_claims_are_read_from_the_inspection(tmp_path: Path) -> None:
    assert session_report.under_claims([tmp_path]) == []
    inspection = Evidence(scenario="inspection", simulated=True)
    inspection.write(tmp_path / "inspection.json")
    assert session_report.under_claims([tmp_path]) == []
    inspection.under_claims = [UnderClaim(capability="schedules", detail="it fires")]
    inspection.write(tmp_path / "inspection.json")
    assert session_report.under_claims([tmp_path]) == inspection.under_claims


# -- the timeline ---------------------------------------------------------------------------


def test_a_timeline_counts_from_the_first_thing_that_happened(sample: Report) -> None:
    (diamond,) = sample.scenarios
    assert diamond.description == "A diamond of four steps runs to its end."
    assert diamond.seconds == 6.0
    client, source, sink = diamond.lanes
    assert [(bar.kind, bar.begin, bar.end) for bar in client.bars] == [
        ("client", 0.0, 3.0),
        ("call", 1.0, 1.5),
    ]
    assert (client.note, client.ended_well) == ("client, raised AcmeError", False)
    assert [(bar.kind, bar.begin, bar.end) for bar in source.bars] == [
        ("queued", 1.0, 2.0),
        ("running", 2.0, 5.0),
        ("step", 3.0, 4.0),
    ]
    assert (source.label, source.note, source.ended_well) == ("source", "job-1, succeeded", True)
    assert [(bar.kind, bar.begin, bar.end) for bar in sink.bars] == [
        ("queued", 1.25, 6.0),
        ("running", 6.0, None),
    ]
    assert (sink.label, sink.ended_well) == ("acme-sink", None)
    assert diamond.runs[0].steps == ["source completed (2)"]


def test_steps_without_jobs_have_lanes_of_their_own() -> None:
    from samples import diamond

    evidence = diamond().model_copy(update={"jobs": []})
    lanes = timeline.draw(evidence, "", []).lanes
    assert [(lane.label, lane.note) for lane in lanes][1:] == [("source", "step")]


def test_nothing_happened() -> None:
    drawn = timeline.draw(Evidence(scenario="empty", simulated=True, broken="log"), "", ["X-1"])
    assert (drawn.lanes, drawn.seconds, drawn.broken) == ([], 0.0, True)


# -- what is drawn from it ------------------------------------------------------------------


def test_every_form_says_the_verdict_and_what_is_broken(sample: Report) -> None:
    for text in (render.markdown(sample), render.page(sample)):
        assert sample.verdict.label in text.lower()
        assert "DAG-1" in text
        assert RULES["DAG-1"].fix.split("`")[0][1:] in text.replace("&#39;", "'")
        assert "NOSUCH-1 matches no rule" in text
        assert sample.command in text
    assert sample.verdict.label in render.badge(sample)


def test_the_badge_is_an_image_with_the_figures(sample: Report) -> None:
    image = ElementTree.fromstring(render.badge(sample))  # noqa: S314 - we wrote it
    label = image.attrib["aria-label"]
    applicable = len(MUSTS) - sample.verdict.inapplicable
    assert (
        label
        == f"ZenML conformance: non-conformant, {sample.verdict.held} of {applicable} that apply"
    )
    # Its two halves share the whole.
    widths = [float(rect.attrib["width"]) for rect in image.findall(".//{*}rect")]
    assert widths[0] == widths[1] + widths[2] == float(image.attrib["width"])


class Page(HTMLParser):
    """Gathers the elements of a page, and complains of none that is open at the end."""

    VOID = ("meta", "input", "br", "img", "link")

    def __init__(self, text: str) -> None:
        """Parse a page."""
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_asks_nobody_for_anything(sample: Report) -> None:
    text = render.page(sample)
    page = Page(text)
    assert page.open == []
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert not {"link", "img", "iframe", "object", "embed", "base"} & {
        tag for tag, _ in page.elements
    }
    assert not any(name in ("src", "srcset", "action") for _, a in page.elements for name in a)
    assert not re.search(r"url\(|@import", text)
    (policy,) = [a["content"] or "" for _, a in page.elements if a.get("http-equiv") is not None]
    assert policy.startswith("default-src 'none';")
    (script,) = re.findall(r"<script>(.*)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy  # No other script is run.


def test_every_link_within_the_page_leads_somewhere(sample: Report) -> None:
    elements = Page(render.page(sample)).elements
    ids = [a["id"] for _, a in elements if "id" in a]
    assert len(ids) == len(set(ids))
    links = [a["href"] or "" for tag, a in elements if tag == "a"]
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    assert [link for link in links if not link.startswith("#")] == ["https://issues.example/1"]


def test_what_an_orchestrator_says_can_not_break_out(tmp_path: Path) -> None:
    made = report(
        tmp_path,
        {"RES-1": Status.FAILED, "RES-2": Status.NOT_APPLICABLE},
        details={"RES-1": HOSTILE, "RES-2": HOSTILE},
        flavor="<b>acme",
        waivers=(waiver("RES-5", reason=HOSTILE, issue="javascript:alert(1)"),),
    )
    page = Page(render.page(made))
    assert [tag for tag, _ in page.elements].count("script") == 1  # The page's own.
    assert not any((a.get("href") or "").startswith("javascript") for _, a in page.elements)
    markdown = render.markdown(made)
    fenced = f"````text\n{HOSTILE}\n````"
    assert fenced in markdown
    rest = markdown.replace(fenced, "")
    assert "<script>" not in rest
    assert "\n# a heading" not in rest
    assert not re.search(r"(?<!\\)\]\(javascript", rest)
    tables = [line for line in rest.splitlines() if line.startswith("| RES-5 | not needed")]
    assert [len(re.findall(r"(?<!\\)\|", line)) for line in tables] == [7]


NAMES = [
    "<script>alert(1)</script>",
    "![x](https://acme.invalid)",
    "`code` ``` more",
    "a | b",
    "# a heading",
    "- a list",
    "1. a list",
    "two\n\n# lines",
    "*stars* _lines_ ~~struck~~ &lt; $x$ @all #1 \\",
    "\x1b[31mred\u202e",
]


def shape(markdown: str) -> list[str]:
    """What a text consists of for a reader of Markdown, its words left out."""
    tokens = MarkdownIt().enable(["table", "strikethrough"]).parse(markdown)
    return [f"{t.type} {t.tag} {[c.type for c in t.children or () if c.tag]}" for t in tokens]


@pytest.mark.parametrize("name", NAMES)
def test_markdown_shows_every_text_as_it_is(name: str, tmp_path: Path) -> None:
    def drawn(word: str) -> tuple[str, str]:
        made = report(
            tmp_path,
            {"RES-1": Status.FAILED, "RES-2": Status.NOT_APPLICABLE, "DAG-1": Status.NOT_SEEN},
            details=dict.fromkeys(("RES-1", "RES-2", "DAG-1"), word),
            waivers=(waiver("RES-5", reason=word, owner=word, issue=word),),
            proofs=(proof("SUB-1", Catch.MISSED, word),),
            flavor=word,
            orchestrator=word,
            distribution=word,
            version=word,
        )
        made = made.model_copy(update={"command": f"pytest -k {word}", "problems": [word]})
        read_back = json.loads(made.model_dump_json())
        read_back["verdict"]["label"] = read_back["environment"]["zenml"] = word
        table = matrix.of([made, Report.model_validate(read_back)])
        assert "\x1b" not in render.page(made) + matrix.page(table)
        return render.markdown(made), matrix.markdown(table)

    for hostile, harmless in zip(drawn(name), drawn("harmless"), strict=True):
        assert shape(hostile) == shape(harmless)
        assert "\x1b" not in hostile


def test_tables_have_as_many_cells_as_heads(sample: Report) -> None:
    width = 0
    for line in render.markdown(sample).splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert not (width and cells) or cells == width, line
        width = cells


def test_dates_are_dates(sample: Report) -> None:
    assert sample.change is not None
    assert f"Since {sample.change.since.date()}" in render.markdown(sample)
    assert isinstance(sample.waivers[0].expires, date)
