"""The report says what the artefacts say, and says it first."""

import json
import re
import shutil
from html.parser import HTMLParser

import pytest

from checks import model
from fraud import bundle
from fraud.errors import UsageError
from fraud.evaluate import evaluate
from fraud.report import evidence, report, words
from fraud.report.charts import charts
from fraud.report.decisions import decisions
from fraud.report.details import details
from fraud.report.vocabulary import wording

HOSTILE = "<script>alert('1')</script> | **x** `y` [z](javascript:1)"


class Page(HTMLParser):
    """What a browser would make of a page: its text, its tags with their attributes, the text of each figure."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.figures: dict[str, str] = {}
        self.text = ""
        self._open: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "input", "link", "br"):
            self._open.append((tag, dict(attrs).get("data-figure")))

    def handle_endtag(self, tag):
        assert self._open.pop()[0] == tag, "every tag is closed in its turn"

    def handle_data(self, data):
        if any(tag in ("style", "script") for tag, _ in self._open):
            return
        self.text += data
        for _, name in self._open:
            if name is not None:
                self.figures[name] = self.figures.get(name, "") + data


def written(settings) -> tuple[Page, str, str]:
    """Write a report, and return its page, its Markdown and the terminal's summary."""
    summary = report.run(settings)
    folder = settings.build / "report"
    return Page((folder / "index.html").read_text()), (folder / "report.md").read_text(), summary


@pytest.fixture(scope="module")
def reported(explored_run) -> tuple[Page, str, str]:
    """The report of a run as it is."""
    return written(explored_run)


@pytest.fixture
def write(run):
    """`write()`: the report of a run of one's own, which `edit` may have changed."""
    return lambda: written(run)


def test_every_figure_of_the_metrics_table_is_that_of_the_artefact(explored_run, reported):
    page, markdown, _ = reported
    metrics = json.loads((explored_run.build / "metrics.json").read_text())
    expected = {}
    for protocol, judged in metrics["protocols"].items():
        for role in ("model", "logistic", "reference"):
            for name, figure in judged[role]["metrics"].items():
                expected[f"{protocol}/{role}/{name}"] = (figure, False)
        for role in ("logistic", "reference"):
            for name, figure in judged[role]["difference"].items():
                expected[f"{protocol}/{role}/difference/{name}"] = (figure, True)
    assert expected.keys() <= page.figures.keys()
    for key, (figure, signed) in expected.items():
        assert page.figures[key] == words.with_interval(figure, signed)
        assert f"| {page.figures[key]} " in markdown
        read = [float(text.replace(",", "")) for text in re.findall(r"[-+]?[\d,.]+(?:e-\d+)?", page.figures[key])]
        for shown, exact in zip(read, (figure["value"], figure["low"], figure["high"]), strict=True):
            assert shown == pytest.approx(exact, abs=max(0.5e-3, 0.51 * (abs(exact) >= 2)), rel=0.05)


def test_every_figure_of_the_other_tables_is_that_of_the_artefact(explored_run, reported):
    page, _, _ = reported
    metrics = json.loads((explored_run.build / "metrics.json").read_text())
    expected = {}
    for protocol, judged in metrics["protocols"].items():
        model = judged["model"]
        for along, bands in model["slices"].items():
            for place, band in enumerate(bands):
                for name in ("recall", "precision", "average_precision", "roc_auc", "expected_to_observed"):
                    figure = band[name]
                    told = "none" if figure is None else words.with_interval(figure)
                    expected[f"{protocol}/slices/{along}/{place}/{name}"] = told
        lost = {name: found["average_precision"] for name, found in model["importance"]["features"].items()}
        for name in sorted(lost, key=lambda name: -lost[name]["value"])[:10]:
            expected[f"{protocol}/importance/{name}"] = words.with_interval(lost[name], signed=True)
        for name, changes in model["sensitivity"].items():
            for change, found in changes.items():
                expected[f"{protocol}/sensitivity/{name}/{change}"] = words.with_interval(found["savings_share"])
    kinds = ("slices", "importance", "sensitivity")
    assert {key: told for key, told in page.figures.items() if key.split("/")[1] in kinds} == expected


def test_the_candidates_figures_are_those_of_training(explored_run, reported):
    page, markdown, _ = reported
    training = json.loads((explored_run.build / "training.json").read_text())
    expected = {}
    for protocol, record in training["protocols"].items():
        for place, candidate in enumerate(record["candidates"]):
            expected[f"{protocol}/candidates/{place}/average_precision"] = told = words.with_interval(
                candidate["average_precision"]
            )
            row = f"| {candidate['name']} | {told} |"
            if candidate["difference"] is not None:
                less = words.with_interval(candidate["difference"], signed=True)
                expected[f"{protocol}/candidates/{place}/difference"] = less
                row += f" {less} {wording('average_precision', candidate['difference'])} |"
            assert row in markdown
    assert {key: told for key, told in page.figures.items() if key.split("/")[1] == "candidates"} == expected


def test_what_more_rows_would_be_worth_is_told_by_the_paired_difference_alone(run, edit, reported):
    page, markdown, _ = reported
    training = json.loads((run.build / "training.json").read_text())
    *_, half, _ = training["protocols"]["random"]["learning_curve"]
    assert words.with_interval(half["difference"], signed=True) in page.text
    said = {
        "more of them would probably help": {"value": -0.05, "low": -0.09, "high": -0.01},
        "don't tell whether more of them": {"value": -0.01, "low": -0.05, "high": 0.03},
        "wants a look at the rows": {"value": 0.05, "low": 0.01, "high": 0.09},
    }
    for words_, difference in said.items():
        edit(
            "training",
            lambda training, d=difference: training["protocols"]["random"]["learning_curve"][-2].update(difference=d),
        )
        page, markdown, _ = written(run)
        for text in (page.text, markdown):
            assert [each for each in said if each in text] == [words_]
    edit("training", lambda training: training["protocols"]["random"].update(learning_curve=[]))
    page, markdown, _ = written(run)
    assert not any(each in page.text or each in markdown for each in said)
    assert "earning curve of the recipe" not in markdown


def test_the_verdict_comes_first_and_everywhere_the_same(explored_run, reported):
    page, markdown, summary = reported
    gate = json.loads((explored_run.build / "gate.json").read_text())
    body = page.text[page.text.index("Skip to the gates") :]
    assert body.index(gate["sentence"]) < body.index("Of 100 frauds")
    assert gate["sentence"] in markdown.splitlines()[0]
    assert summary.splitlines()[0] == gate["sentence"]
    assert str(explored_run.build / "report" / "index.html") in summary


def test_the_dates_of_the_data_and_of_the_judgement_are_told(write, edit):
    edit("data", lambda data: data.update(date="2031-02-03T04:05:06+00:00"))
    edit("metrics", lambda metrics: metrics["provenance"].update(created="2031-04-05T06:07:08+00:00"))
    page, markdown, _ = write()
    for text in (page.text, markdown):
        assert "data recorded 2031-02-03, model judged 2031-04-05" in text


def test_words_stand_apart_from_the_interval_before_them(reported):
    _, markdown, _ = reported
    assert re.search(r"Of 100 alerts .*\) are frauds", markdown)
    assert not re.search(r"\d\)\w", markdown)


def test_a_failing_gate_shows_with_its_reason_before_all_else(write, edit):
    def fail(gate):
        gate.update(verdict="fail", sentence="this must not ship")
        for each in gate["gates"]:
            each["passed"] = True
        gate["gates"][-1].update(passed=False, reason="of a reason that stands here")

    edit("gate", fail)
    page, markdown, _ = write()
    assert "✗ DOES NOT SHIP" in page.text
    assert page.text.count("✗ FAIL") == 1
    assert page.text.index("of a reason that stands here") < page.text.index("Of 100 frauds")
    assert markdown.startswith("**❌ Does not ship:** this must not ship")
    assert markdown.index("of a reason that stands here") < markdown.index("Of 100 frauds")


def test_a_passing_run_ships(write, edit):
    edit("gate", lambda gate: gate.update(verdict="pass", gates=[{**each, "passed": True} for each in gate["gates"]]))
    page, markdown, _ = write()
    assert "✓ SHIPS" in page.text
    assert "FAIL" not in page.text + markdown
    assert markdown.startswith("**✅ Ships:**")


def test_the_twin_is_named_in_the_header(reported, write, become):
    page, markdown, _ = reported
    assert "Synthetic data." not in page.text + markdown
    become("twin")
    page, markdown, _ = write()
    assert page.text.index("Synthetic data.") < page.text.index("Of 100 frauds")
    assert markdown.index("Synthetic data.") < markdown.index("Of 100 frauds")


def test_the_prevalence_is_told_where_it_is_given(run, reported, write, edit):
    weight = words.number(json.loads((run.build / "metrics.json").read_text())["legitimate_weight"])
    page, markdown, _ = reported
    assert f"one legitimate row weighs {weight}" in " ".join(page.text.split())
    assert f"one legitimate row weighs {weight}" in markdown
    for name in ("metrics", "training", "explore", "gate"):
        edit(name, lambda document: document["provenance"]["settings"].update(prevalence=None))
    edit("metrics", lambda metrics: metrics.update(prevalence=None))
    page, markdown, _ = write()
    assert "one legitimate row weighs" not in page.text + markdown


def test_the_comparison_with_the_champion_is_told_or_that_there_is_none(run, explored_run, reported):
    for text in (reported[0].text, reported[1]):
        assert text.count("no champion given") == 2
    champion = run.build.with_name("shipped folder")
    shutil.copytree(explored_run.build, champion)
    for folders in bundle.FOLDERS.values():
        shutil.rmtree(champion / folders["model"])
        shutil.copytree(champion / folders["reference"], champion / folders["model"])
    told = run.model_copy(update={"baseline": champion})
    metrics = evaluate.run(told)
    model.run(told)
    page, markdown, _ = written(told)
    for judged in metrics["protocols"].values():
        held = judged["champion"]
        difference = words.with_interval(held["difference"]["average_precision"], signed=True)
        for text in (page.text, markdown):
            assert f"less the champion {held['version']}: Average precision {difference}, " in text
            assert f"gives p = {words.number(held['difference']['roc_auc']['p'])}; {held['caveats'][0]}." in text
    for name, judged in metrics["protocols"].items():
        for metric, difference in judged["champion"]["difference"].items():
            shown = words.with_interval(difference, signed=True)
            assert page.figures[f"{name}/champion/difference/{metric}"] == shown
    assert "no champion given" not in page.text + markdown
    assert f"BUILD={run.build} BASELINE='{champion}'" in page.text


def test_the_page_stands_alone(explored_run, reported):
    page, _, _ = reported
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "object")
        assert (attributes.get("src") or "data:").startswith("data:")
        assert not (attributes.get("href") or "").startswith(("http", "//"))
    text = (explored_run.build / "report" / "index.html").read_text()
    assert "url(" not in text
    assert "@import" not in text
    assert len(text) < 3_000_000


def test_every_picture_says_in_words_what_it_shows(explored_run, reported):
    page, _, _ = reported
    pictures = [attributes for tag, attributes in page.tags if tag == "img"]
    explored = json.loads((explored_run.build / "explore.json").read_text())["figures"]
    assert len(pictures) == 2 * (4 + 2) + 1 + len(explored), "one protocol has a learning curve"
    assert all(len(picture["alt"] or "") > 40 for picture in pictures)
    assert len({picture["alt"] for picture in pictures}) == len(pictures)


def test_the_data_docs_that_are_linked_are_there(explored_run, reported):
    page, _, _ = reported
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    within = {f"#{attributes['id']}" for _, attributes in page.tags if "id" in attributes}
    for link in links:
        assert link in within or (explored_run.build / "report" / link).resolve().is_file()


def test_what_comes_from_data_is_text_and_nothing_else(reported, write, edit):
    violation = {"column": HOSTILE, "rule": "number", "severity": "warning", "count": 1, "message": HOSTILE}
    violation |= {"rows": [3], "values": [HOSTILE]}
    edit("gate", lambda gate: gate.update(sentence=HOSTILE))
    edit("gate", lambda gate: gate["gates"][0].update(reason=HOSTILE))
    edit("data", lambda data: data.update(path=HOSTILE))
    edit("explore", lambda explore: explore["figures"][0].update(title=HOSTILE, finding=HOSTILE, alt=f'"{HOSTILE}'))
    edit("validation", lambda validation: validation["violations"].append(violation))
    page, markdown, _ = write()
    # The sentence, a reason, a figure's finding, the three cells of a violation, and the path, as it is in the
    # provenance and quoted for a shell in the command.
    assert page.text.count(HOSTILE) == 7
    assert f'"{HOSTILE}' in [attributes.get("alt") for _, attributes in page.tags]
    assert {tag for tag, _ in page.tags} == {tag for tag, _ in reported[0].tags}
    markup = re.sub(r"<pre>[^<]*</pre>", "", markdown)
    assert not re.search(r"(?<!\\)(<|\*\*x|`y|\]\(javascript)", markup)
    row = next(line for line in markup.splitlines() if line.startswith("| \\<script"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 7, "six cells, whatever they hold"


def test_a_threshold_that_missed_its_target_is_told(write, edit):
    def miss(training):
        selection = training["protocols"]["random"]["selection"]
        selection["review"]["reached"] = selection["decline"]["reached"] = False

    edit("training", miss)
    page, markdown, _ = write()
    for text in (page.text, markdown):
        assert "no threshold reached its target precision, this is the nearest" in text
        assert "no threshold reached its target precision, so none is" in text


def test_the_savings_stand_among_the_figures_with_their_interval(explored_run, reported):
    page, markdown, _ = reported
    metrics = json.loads((explored_run.build / "metrics.json").read_text())
    value, low, high = words.of_hundred(metrics["protocols"]["random"]["model"]["metrics"]["savings_share"])
    said = "Of 100 euros that could be saved it saves"
    assert f"{said} {value} ({low} to {high})" in " ".join(page.text.split())
    assert f"- {said} **{value}** ({low} to {high});" in markdown


def test_the_share_saved_stands_beside_those_of_the_others_with_the_differences_in_words(explored_run, reported):
    page, markdown, _ = reported
    metrics = json.loads((explored_run.build / "metrics.json").read_text())
    for judged in metrics["protocols"].values():
        saved = words.with_interval(judged["model"]["metrics"]["savings_share"])
        said = f"of what could be saved on these rows, {judged['model']['name']} saves a share of {saved}"
        for role, name in (("logistic", "the tuned logistic regression"), ("reference", "the blog post's forest")):
            other, difference = (judged[role][key]["savings_share"] for key in ("metrics", "difference"))
            said += f"; {name} {words.with_interval(other)}, a difference of "
            said += f"{words.with_interval(difference, signed=True)}: {wording('savings_share', difference)}"
        for text in (page.text, markdown):
            assert f"{said}." in text


def test_the_logistic_regressions_tuning_is_told(explored_run, reported):
    training = json.loads((explored_run.build / "training.json").read_text())
    for record in training["protocols"].values():
        penalty = words.number(record["logistic"]["selection"]["tuned"]["C"])
        for text in reported[:2]:
            shown = text if isinstance(text, str) else text.text
            assert f"its penalty tuned on these rows (C = {penalty})" in shown


def test_the_curves_show_all_three(explored_run, reported):
    page, _, _ = reported
    metrics = json.loads((explored_run.build / "metrics.json").read_text())
    alts = [attributes["alt"] for tag, attributes in page.tags if tag == "img"]
    for judged in metrics["protocols"].values():
        names = [judged[role]["name"] for role in ("model", "logistic", "reference")]
        for what, metric in (("Precision-recall curves", "average_precision"), ("ROC curves", "roc_auc")):
            difference = words.with_interval(judged["logistic"]["difference"][metric], signed=True)
            (alt,) = [alt for alt in alts if alt.startswith(what) and difference in alt]
            assert "{} (solid), {} (dash-dotted) and {} (dashed)".format(*names) in alt
    drawn = charts(evidence.read(explored_run.build))
    for chart in [
        chart for shown in drawn.values() for chart in shown if chart.id.split("-")[0] not in ("scores", "learning")
    ]:
        assert chart.svg.count("var(--logistic)") > 0


def test_thresholds_by_amount_are_told_for_what_they_are(write, edit):
    by_amount = {"review": 0.01, "decline": None, "by_amount": {"costs": {}, "alert_price": 0}}
    edit("metrics", lambda metrics: metrics["protocols"]["random"]["model"].update(thresholds=by_amount))

    def choice(training):
        training["protocols"]["random"]["thresholds"] = by_amount
        training["protocols"]["random"]["selection"]["review"]["threshold"] = 0.01
        training["protocols"]["random"]["selection"]["decline"].update(recall=0.0, reached=False)

    edit("training", choice)
    page, markdown, _ = write()
    alts = " ".join(attributes.get("alt") or "" for _, attributes in page.tags)
    assert "At and above the threshold of each amount lie" in alts
    assert "alert at a probability of each amount's own threshold and above" in page.text
    for text in (page.text, markdown):
        assert "at a probability that depends on the amount, of at least 0.01: precision" in text
        assert "by this rule, nothing is." in text


def test_the_command_makes_the_same_run(explored_run, reported):
    page, _, _ = reported
    command = f"FRAUD_JOBS=1 FRAUD_FOLDS=2 FRAUD_BOOTSTRAP_DRAWS=100 make all DATA={explored_run.data} PREVALENCE=0.01"
    assert set(command.split()) <= set(page.text.split())


def test_a_report_that_fails_leaves_the_last_one(run, reported):
    shutil.rmtree(run.build / "figures")
    (run.build / "report").mkdir(exist_ok=True)
    (run.build / "report" / "index.html").write_text("the last one")
    with pytest.raises(UsageError, match="make explore"):
        report.run(run)
    assert (run.build / "report" / "index.html").read_text() == "the last one"
    assert not list(run.build.glob(".*"))


def test_the_same_run_gives_the_same_report(run, explored_run, reported):
    report.run(run)
    for name in ("index.html", "report.md", "model_card.md", "datasheet.md"):
        assert (run.build / "report" / name).read_bytes() == (explored_run.build / "report" / name).read_bytes()


def test_the_sections_stand_in_the_order_of_a_reviewers_questions(reported):
    page, markdown, _ = reported
    order = ["Gates", "Decisions", "Quality", "Why", "Data", "How it was chosen", "Provenance", "Limits"]
    headings = [attributes["id"] for tag, attributes in page.tags if tag == "h2"]
    assert [attributes["href"] for tag, attributes in page.tags if tag == "a"][1 : 1 + len(order)] == [
        f"#{heading}" for heading in headings
    ]
    assert re.findall(r"^## (.*)$", markdown, re.MULTILINE) == order


def test_the_pictures_that_markdown_links_are_there(explored_run, reported):
    page, markdown, _ = reported
    links = re.findall(r"^!\[(.*)\]\((.*)\)$", markdown, re.MULTILINE)
    assert len(links) == len([tag for tag, _ in page.tags if tag == "img"])
    for alt, path in links:
        assert len(alt) > 40
        assert (explored_run.build / "report" / path).resolve().is_file()


def test_with_the_volume_of_a_day_both_tell_the_alerts_of_a_day(run, reported):
    page, markdown, _ = written(run.model_copy(update={"volume": 123_456}))
    for told, before in ((page.text, reported[0].text), (markdown, reported[1])):
        assert "Alerts a day, of 123,456 transactions" in told
        assert "Alerts a day" not in before


def test_markdown_tells_what_the_page_tells(explored_run, reported):
    _, markdown, _ = reported
    protocols = json.loads((explored_run.build / "metrics.json").read_text())["protocols"]
    for judged in protocols.values():
        told = details(judged["model"])
        for change in (found[key] for found in told["sensitivity"] for key in ("halved", "doubled")):
            assert "{} ({} to {})".format(*change["share"]) in markdown
        for row in decisions(judged, None)["rows"]:
            assert re.search(
                rf"^\| {re.escape(row['label'])} \|.* {re.escape(row['chosen'])} \|", markdown, re.MULTILINE
            )
        for band in (band for each in told["slices"] for band in each["bands"]):
            cells = ["none" if parts is None else "{} ({} to {})".format(*parts) for parts in band["figures"].values()]
            assert f"| {band['rows']:,} | {band['frauds']:,} | {' | '.join(cells)} |" in markdown
        for case in (case for cases in told["hardest"].values() for case in cases):
            assert f"| {case['row']} | {case['amount']} | {case['probability']} |" in markdown
        for feature in told["importance"]["features"]:
            assert "| {} | {} ({} to {}) |".format(feature["feature"], *feature["lost"]) in markdown
        for moved in told["drift"]["features"]:
            assert f"| {moved['name']} | {moved['index']} | {moved['distance']} | {moved['says']} |" in markdown
