"""Model card and datasheet say what the artefacts say, and their metadata are what Hugging Face specifies."""

import json
import re
from pathlib import Path

import pytest
import yaml

from fraud import schema
from fraud.report import card, evidence, report, words
from fraud.report.story import story
from fraud.report.vocabulary import term

TEMPLATES = Path(card.__file__).with_name("templates")

HOSTILE = "<script>alert('1')</script> | **x** `y` [z](javascript:1)\n---\n# heading"

# As `huggingface_hub.repocard` looks for the metadata of a card.
METADATA = re.compile(r"^(\s*---[\r\n]+)([\S\s]*?)([\r\n]+---(\r\n|\n|\Z))")

# huggingface/hub-docs, modelcard.md: what a result may have, and what it must.
RESULT = {"task": ({"type"}, {"name"}), "dataset": ({"type", "name"}, {"config", "split", "revision", "args"})}
METRIC = ({"type", "value"}, {"name", "config", "args", "verified", "verifyToken"})

CARD_SECTIONS = [
    "Model details",
    "Intended use",
    "Factors",
    "Metrics",
    "Evaluation data",
    "Training data",
    "Quantitative analyses",
    "Ethical considerations",
    "Caveats and recommendations",
]
SHEET_SECTIONS = [
    "Motivation",
    "Composition",
    "Collection process",
    "Preprocessing, cleaning, labelling",
    "Uses",
    "Distribution",
    "Maintenance",
]


def parted(text: str) -> tuple[dict, str]:
    """The metadata of a card and what follows them."""
    found = METADATA.search(text)
    return yaml.safe_load(found[2]), text[found.end() :]


def written(build: Path) -> tuple[str, str]:
    """The model card and the datasheet of a run."""
    read = evidence.read(build)
    told = story(read)
    return card.model_card(read, told), card.datasheet(read, told)


@pytest.fixture(scope="module")
def cards(explored_run) -> tuple[str, str]:
    """Those of a run as it is: on a file of the caller's own, at a prevalence of 1%."""
    return written(explored_run.build)


@pytest.fixture(scope="module")
def artefact(explored_run):
    """`artefact("gate")`: one of that run's JSON documents."""
    return lambda name: json.loads((explored_run.build / f"{name}.json").read_text())


@pytest.fixture
def write(run):
    """`write()`: both of a run of one's own, which `edit` or `become` may have changed."""
    return lambda: written(run.build)


@pytest.fixture
def decide(edit):
    """`decide("fail")`: give the run a verdict, and its last gate with it."""

    def change(verdict: str) -> None:
        def judge(gate):
            gate.update(verdict=verdict, sentence=f"this is a {verdict}")
            for each in gate["gates"]:
                each["passed"] = True
            gate["gates"][-1].update(passed=verdict == "pass", reason="of a reason that stands here")

        edit("gate", judge)

    return change


def rows(text: str, *first: str) -> list[list[str]]:
    """The rows of the table whose header starts with these cells; an escaped bar is part of a cell."""
    lines = text[text.index("| " + " | ".join(first)) :].splitlines()
    table = lines[: next((i for i, line in enumerate(lines) if not line.startswith("|")), len(lines))]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in table[2:]]


def test_the_report_writes_both_beside_its_page(run, cards):
    report.run(run)
    folder = run.build / "report"
    assert ((folder / "model_card.md").read_text(), (folder / "datasheet.md").read_text()) == cards


def test_both_have_the_sections_of_their_papers_in_their_order(cards):
    for text, sections in zip(cards, (CARD_SECTIONS, SHEET_SECTIONS), strict=True):
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == sections
        assert "\n\n\n" not in text


def test_the_metadata_of_the_model_are_as_hugging_face_specifies(cards):
    metadata, _ = parted(cards[0])
    assert list(metadata) == ["license", "library_name", "pipeline_tag", "tags", "metrics", "model-index"]
    assert metadata["library_name"] == "onnx"
    assert metadata["pipeline_tag"] == "tabular-classification"
    (model,) = metadata["model-index"]
    assert model.keys() == {"name", "results"}
    for result in model["results"]:
        assert result.keys() == {"task", "dataset", "metrics"}
        for part, (must, may) in RESULT.items():
            assert must <= result[part].keys() <= must | may
            assert all(isinstance(value, str) for value in result[part].values())
        for metric in result["metrics"]:
            assert METRIC[0] <= metric.keys() <= METRIC[0] | METRIC[1]
        # The metrics that are listed are among those measured.
        assert set(metadata["metrics"]) <= {metric["type"] for metric in result["metrics"]}


def test_every_metric_of_the_metadata_is_that_of_the_artefact(cards, artefact):
    (model,) = parted(cards[0])[0]["model-index"]
    protocols = artefact("metrics")["protocols"]
    assert model["name"] == protocols["random"]["model"]["version"]
    assert [result["dataset"]["config"] for result in model["results"]] == list(protocols)
    for result, judged in zip(model["results"], protocols.values(), strict=True):
        assert result["dataset"]["revision"] == artefact("data")["digest"]
        assert result["dataset"]["name"].endswith(f"judged: {judged['model']['version']}")
        expected = judged["model"]["metrics"]
        assert {metric["type"]: metric["value"] for metric in result["metrics"]} == {
            name: figure["value"] for name, figure in expected.items()
        }
        for metric in result["metrics"]:
            _, low, high = words.rounded(expected[metric["type"]])
            assert metric["name"] == f"{term(metric['type']).label} (95% interval {low} to {high})"


def test_a_small_number_stays_a_number(write, edit):
    edit(
        "metrics", lambda metrics: metrics["protocols"]["random"]["model"]["metrics"]["brier_score"].update(value=1e-5)
    )
    (model,) = parted(write()[0])[0]["model-index"]
    values = {metric["type"]: metric["value"] for metric in model["results"][0]["metrics"]}
    assert values["brier_score"] == 1e-5
    assert all(isinstance(value, float | int) for value in values.values())


def test_every_figure_of_the_cards_tables_is_that_of_the_artefact(cards, artefact):
    protocols = artefact("metrics")["protocols"]
    table = rows(cards[0], "Metric", *protocols)
    names = list(protocols["random"]["model"]["metrics"])
    assert [line[0] for line in table] == [term(name).label for name in names]
    for name, line in zip(names, table, strict=True):
        for shown, judged in zip(line[1:], protocols.values(), strict=True):
            figure = judged["model"]["metrics"][name]
            assert shown == words.with_interval(figure)
            read = [float(text.replace(",", "")) for text in re.findall(r"-?[\d,.]+", shown)]
            for text, exact in zip(read, (figure["value"], figure["low"], figure["high"]), strict=True):
                assert text == pytest.approx(exact, abs=max(0.5e-3, 0.51 * (abs(exact) >= 2)), rel=0.05)
    gates = artefact("gate")["gates"]
    for gate, line in zip(gates, rows(cards[0], "Gate"), strict=True):
        measured = words.number(gate["value"]) if gate["low"] is None else words.with_interval(gate)
        detail = f", {gate['detail']}" if gate["detail"] else ""
        assert line == [gate["name"], "✓ pass" if gate["passed"] else "❌ FAIL", measured + detail, gate["limit"]]


def test_each_slice_stands_in_the_card_with_its_intervals(cards, artefact):
    shown = ("recall", "precision", "average_precision", "roc_auc", "expected_to_observed")
    for name, judged in artefact("metrics")["protocols"].items():
        _, _, told = cards[0].partition(f"By factor, {name}:")
        for band in (band for bands in judged["model"]["slices"].values() for band in bands):
            cells = ["none" if band[key] is None else words.with_interval(band[key]) for key in shown]
            assert f"| {band['rows']:,} | {band['frauds']:,} | {' | '.join(cells)} |" in told


def test_the_rows_of_each_protocol_are_those_of_the_artefacts(cards, artefact):
    judged, trained = artefact("metrics")["protocols"], artefact("training")["protocols"]
    judging = rows(cards[0], "Protocol", "Rows that judge")
    assert [line[:3] + line[4:] for line in judging] == [
        [name, f"{each['rows']:,}", f"{each['frauds']:,}", each["model"]["version"]] for name, each in judged.items()
    ]
    training = [
        [name, f"{each['training']['rows']:,}", f"{each['training']['frauds']:,}"] for name, each in trained.items()
    ]
    assert rows(cards[0], "Protocol", "Rows that train") == training
    both = [mine + line[1:3] for mine, line in zip(training, judging, strict=True)]
    assert [line[:5] for line in rows(cards[1], "Protocol", "Rows that train")] == both


def test_the_datasheet_counts_what_the_validation_counted(cards, artefact):
    validation, data = artefact("validation"), artefact("data")
    share = words.percent(validation["fraud_share"])
    counted = f"{validation['rows']:,} rows; {validation['frauds']:,} of them are frauds ({share})."
    assert f"**How many are there?** {counted}" in cards[1]
    copies = validation["duplicates"]
    assert copies["rows"] > 0
    assert f"{copies['rows']:,} rows repeat an earlier one exactly, {copies['frauds']:,} of them frauds" in cards[1]
    assert f"{data['bytes']:,} bytes" in cards[1]
    assert f"`{data['digest']}`" in cards[1]
    claims = artefact("explore")["claims"]
    shown = [[cell.replace("\\", "") for cell in line] for line in rows(cards[1], "Claim")]
    assert shown == [
        [f"{each['claim']} ({each['source']})", each["measured"], "yes" if each["holds"] else "no"] for each in claims
    ]
    columns = [[column.name, column.unit, column.meaning] for column in schema.ALL_COLUMNS]
    assert rows(cards[1], "Column") == columns


def test_no_number_is_of_unknown_origin(explored_run, cards):
    """Each stands in an artefact, as `words` shows it, or in what is always said."""
    known = set()

    def look(value) -> None:
        if isinstance(value, dict):
            if {"value", "low", "high"} <= value.keys() and isinstance(value["low"], float):
                known.update(words.rounded(value), words.rounded(value, signed=True))
            for name, each in value.items():
                look(name)
                look(each)
        elif isinstance(value, list):
            for each in value:
                look(each)
        elif isinstance(value, str):
            known.update(numbers(value), (words.percent(float(text)) for text in re.findall(r"0\.\d+", value)))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            known.update((words.number(value), words.percent(value), f"{value:.3f}", f"{value:.4f}", f"{value:,}"))

    read = evidence.read(explored_run.build)
    for document in (read.data, read.validation, read.explore, read.training, read.metrics, read.gate):
        look(document)
    look(str(explored_run.build))
    said = " ".join(path.read_text() for path in [*TEMPLATES.glob("*.md.j2"), Path(schema.__file__)])
    always = numbers(said + " ".join(story(read)["limits"][0:3])) | {f"{i}" for i in range(1, 29)}
    for text in cards:
        shown = numbers(parted(text)[1].replace("\\", ""))
        assert shown <= always | {each for text in known for each in numbers(text)}


def numbers(text: str) -> set[str]:
    return {found.lstrip("+-").rstrip(".,") for found in re.findall(r"[+-]?\d[\d,.]*(?:e[+-]\d+)?", text)}


@pytest.mark.parametrize("verdict", ["pass", "fail"])
def test_the_verdict_is_that_of_the_gates_and_comes_first(write, decide, verdict):
    decide(verdict)
    for text, first in zip(write(), ("## Model details", "## Motivation"), strict=True):
        metadata, body = parted(text)
        top = body[: body.index(first)]
        mark = {"pass": "✅ Ships", "fail": "❌ Does not ship"}[verdict]
        assert f"**{mark}:** this is a {verdict}\n" in top
        assert ("since of a reason that stands here." in top) == (verdict == "fail")
        assert [tag for tag in metadata["tags"] if tag.startswith("gates-")] == [f"gates-{verdict}ed"]
    assert ("any use in production" in write()[0]) == (verdict == "fail")


@pytest.mark.parametrize(
    ("source", "tag", "model_licence", "data_licence"),
    [
        ("published", "genuine-data", "mit", "odbl"),
        ("twin", "synthetic-data", "mit", "odbl"),
        ("own", "own-data", "unknown", "unknown"),
    ],
)
def test_the_data_are_called_what_they_are(write, become, source, tag, model_licence, data_licence):
    become(source)
    model, sheet = write()
    for text, licence, first in ((model, model_licence, "## Model"), (sheet, data_licence, "## Motivation")):
        metadata, body = parted(text)
        assert metadata["license"] == licence
        assert [each for each in metadata["tags"] if each.endswith("-data")] == [tag]
        assert ("**Synthetic data.**" in body[: body.index(first)]) == (source == "twin")
    results = parted(model)[0]["model-index"][0]["results"]
    assert all(("synthetic" in result["dataset"]["name"]) == (source == "twin") for result in results)
    assert parted(sheet)[0]["task_categories"] == ["tabular-classification"]
    assert ("any decision about a real cardholder" in model) == (source == "twin")
    # Only of the published data, and of what was drawn after them, it is known whose they are.
    assert ("Worldline" in sheet) == ("Andrea Dal Pozzolo" in sheet) == (source != "own")


def test_what_cannot_be_known_of_a_callers_file_is_unknown_with_what_to_fill_in(cards):
    sections = dict(zip(SHEET_SECTIONS, re.split(r"^## .*$", cards[1], flags=re.MULTILINE)[1:], strict=True))
    for name, text in sections.items():
        assert re.search(r"[Uu]nknown.* To fill in: ", text), name
    assert "The run was told that 1% of the transactions in production are frauds." in sections["Composition"]
    assert "**Licence:** unknown. To fill in: " in cards[0]


def test_a_twin_says_what_it_was_drawn_from(run, write, become):
    become("twin")
    _, sheet = write()
    mark = json.loads((run.build / "data.json").read_text())["twin"]
    assert f"with the seed {mark['seed']}" in sheet
    assert f"{mark['rows']:,} rows with {mark['frauds']:,} frauds as asked for" in sheet
    assert f"by the program text {mark['drawn by']}, from `data/twin.json` of digest `{mark['statistics']}`" in sheet


def test_the_facts_of_the_published_data_are_those_of_their_readme(write, become):
    become("published")
    _, sheet = write()
    readme = " ".join((Path(__file__).parents[2] / "data" / "README.md").read_text().replace("\n>", "\n").split())
    for fact in (
        "Worldline and the Machine Learning Group of the Université Libre de Bruxelles",
        "two days of September 2013",
        "https://www.kaggle.com/datasets/mlg-ulb/creditcardfraud",
        "[Open Database License 1.0](https://opendatacommons.org/licenses/odbl/1-0/)",
        "[Database Contents License 1.0](https://opendatacommons.org/licenses/dbcl/1-0/): keep the attribution",
        "Andrea Dal Pozzolo, Olivier Caelen, Reid A. Johnson and Gianluca Bontempi: Calibrating Probability with "
        "Undersampling for Unbalanced Classification. IEEE Symposium on Computational Intelligence and Data Mining "
        "(CIDM), 2015.",
    ):
        assert fact in sheet
        assert fact in readme


def test_a_recipe_that_was_chosen_on_these_rows_is_told(cards, write, edit):
    edit("metrics", lambda metrics: metrics["recipe"].update(optimistic=True))
    warned = write()[0]
    assert "optimistic" not in cards[0]
    assert "calibrated on the rows that judge." in cards[0]
    assert "calibrated on the rows that judge, but the recipe was chosen on them among others." in warned
    assert warned.index("> **Recipe chosen on these rows: optimistic.**") < warned.index("## Model details")


def test_without_a_prevalence_none_is_told(cards, write, edit):
    assert "taken to be 1% here" in cards[0]
    assert "counts are weighted" in cards[0]
    for name in ("metrics", "training", "explore", "gate"):
        edit(name, lambda document: document["provenance"]["settings"].update(prevalence=None))
    edit("metrics", lambda metrics: metrics.update(prevalence=None))
    model, sheet = write()
    assert "taken to be" not in model
    assert "counts are weighted" not in model
    assert "The run was told no share of fraud in production" in sheet


def test_what_comes_from_data_is_text_and_nothing_else(cards, write, edit):
    edit("gate", lambda gate: gate.update(sentence=HOSTILE))
    edit("gate", lambda gate: gate["gates"][0].update(name=HOSTILE, detail=HOSTILE))
    edit("data", lambda data: data.update(path=HOSTILE))
    edit("explore", lambda explore: explore["claims"][0].update(measured=HOSTILE))
    edit("metrics", lambda metrics: metrics["protocols"]["random"]["model"].update(version=HOSTILE))
    edit("metrics", lambda metrics: metrics["recipe"].update(description=HOSTILE))
    for text, plain in zip(write(), cards, strict=True):
        metadata, body = parted(text)
        assert metadata.keys() == parted(plain)[0].keys()
        markup, usual = (re.sub(r"<pre>[^<]*</pre>", "", each) for each in (body, parted(plain)[1]))
        assert not re.search(r"(?<!\\)(<|\*\*x|`y|\]\(javascript)", markup)
        assert shape(markup) == shape(usual)
    assert parted(write()[0])[0]["model-index"][0]["name"] == HOSTILE


def shape(text: str) -> list[tuple[str, int]]:
    """How each heading and each row of a table starts, and how many cells it has."""
    marked = [line for line in text.splitlines() if line.startswith(("#", "|"))]
    return [(line.split()[0], len(re.findall(r"(?<!\\)\|", line))) for line in marked]


def test_whether_other_data_share_rows_with_the_recipes_is_not_known(cards, write, edit):
    unknown = "Whether this file holds some of those is not known"
    edit("metrics", lambda metrics: metrics.update(synthetic=False))
    assert unknown in write()[0]
    edit("metrics", lambda metrics: metrics.update(synthetic=True))
    assert unknown not in write()[0]
