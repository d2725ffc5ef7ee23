"""The trend shows every run for what it was, and joins only what can be compared."""

import base64
import html
import re
from datetime import UTC, datetime, timedelta

import pytest

from fraud.errors import UsageError
from fraud.report import history, trend, words
from fraud.report.history import Run

SHOWN = ("average_precision", "recall", "precision", "savings_share")


def made(number, verdict="pass", source="own", digest="a", prevalence=None, lacks=()):
    """A run whose every figure is its own."""
    figures = {
        name: {"value": value + number / 100, "low": value - 0.05, "high": value + 0.15}
        for name, value in zip(SHOWN, (0.5, 0.6, 0.7, 0.4), strict=True)
        if name not in lacks
    }
    judged = {"rows": 900, "frauds": 45, "version": f"blend-{number:012d}", "digest": f"{number:064d}"}
    return Run.model_validate(
        {
            "when": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number),
            "verdict": verdict,
            "sentence": f"run {number} <b>was</b> judged",
            "synthetic": source == "twin",
            "data": {"source": source, "digest": digest * 64, "rows": 3_000, "frauds": 150},
            "protocols": {name: {**judged, "metrics": figures} for name in ("random", "chronological")},
            "settings": {"prevalence": prevalence, "seed": 42},
            "revision": None,
        }
    )


def written(folder, runs, last=20):
    """The table and the page of such a history."""
    lines = "".join(f"{each.model_dump_json()}\n" for each in runs)
    (folder / history.NAME).write_text(lines)
    return trend.run(folder, last), (folder / trend.PAGE).read_text()


MIXED = [
    made(1),
    made(2, verdict="fail"),
    made(3, source="twin", digest="b"),
    made(4),
    made(5, source="twin", digest="b", verdict="fail"),
    made(6, digest="c"),
    made(7, digest="c", prevalence=0.001),
]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """The table and the page of runs of every kind."""
    return written(tmp_path_factory.mktemp("mixed"), MIXED)


def pictures(page):
    """Each chart's SVG."""
    return [base64.b64decode(found).decode() for found in re.findall(r"data:image/svg\+xml;base64,([^\"]+)", page)]


def test_every_run_stands_in_the_table_and_on_the_page_with_its_figures(mixed):
    summary, page = mixed
    for number, each in enumerate(MIXED, 1):
        (row,) = [line for line in summary.splitlines()[1:] if line.split()[:1] == [str(number)]]
        cells = re.search(rf'<tr class="(pass|fail)"><th scope="row">{number}</th>(.*?)</tr>', page, re.DOTALL)
        assert cells[1] == each.verdict
        assert (" FAIL " in row, " pass " in row) == (each.verdict == "fail", each.verdict == "pass")
        assert ("synthetic" if each.synthetic else "genuine") in row
        for name in SHOWN:
            figure = words.with_interval(each.protocols["random"].figure(name))
            assert (figure in row) == (name != "savings_share"), "which has no room there"
            assert cells[2].count(f">{figure}<") == 2, "once in each protocol"
    assert trend.PAGE in summary.splitlines()[-1]


def test_synthetic_and_genuine_data_are_never_joined_nor_are_other_data_or_another_prevalence(mixed):
    _, page = mixed
    drawn = pictures(page)
    assert len(drawn) == 8
    for svg in drawn:
        assert re.findall(r'id="joined-([\d-]+)"', svg) == ["1-2-4", "3-5", "6", "7"]


def test_passing_and_failing_synthetic_and_genuine_differ_without_colour(mixed):
    _, page = mixed
    texts = [set(re.findall(r"<!-- (.+?) -->", svg)) for svg in pictures(page)]
    legend = {"genuine, passes", "genuine, fails", "synthetic, passes", "synthetic, fails"}
    assert all(legend <= text for text in texts)
    for svg in pictures(page):
        paths = dict(re.findall(r'<path id="(m\w+)" d="(.*?)"', svg, re.DOTALL))
        marks = re.findall(r'<use xlink:href="#(m\w+)"[^>]*style="fill: var\(--(paper|model|reference)\)', svg)
        assert len({(paths[name], fill == "paper") for name, fill in marks}) == 4
    assert page.count("✗ FAIL") == 2


def test_only_the_last_ones_are_shown_by_their_own_numbers(tmp_path):
    summary, page = written(tmp_path, MIXED, last=2)
    assert "2 of 7 runs" in summary
    assert re.findall(r'<th scope="row">(\d+)</th>', page) == ["6", "7"]


def test_every_chart_states_its_finding_and_what_is_not_seen(mixed):
    _, page = mixed
    alts = [html.unescape(alt) for alt in re.findall(r'alt="([^"]+)"', page)]
    assert len(set(alts)) == 8
    figure = words.with_interval(MIXED[-1].protocols["random"].figure("recall"))
    assert (
        "Recall on the random protocol in 7 runs, with 95% intervals. The latest, run 7, passes its gates at "
        f"{figure}. Runs that fail: 2, 5. On synthetic data: 3, 5."
    ) in alts


def test_a_metric_that_older_runs_lack_is_left_out_there(tmp_path):
    summary, page = written(tmp_path, [made(1, lacks=SHOWN), made(2)])
    assert "–" in summary
    assert [re.findall(r'id="joined-([\d-]+)"', svg) for svg in pictures(page)] == [["2"]] * 8
    _, page = written(tmp_path, [made(1, lacks=SHOWN)])
    assert page.count("no run tells it") == 8
    assert "Synthetic data." not in page


def test_the_page_stands_alone_in_light_and_dark_and_holds_no_foreign_markup(mixed):
    _, page = mixed
    assert "<script" not in page
    assert "http" not in page
    assert "<b>was" not in page
    assert "prefers-color-scheme: dark" in page
    assert all("prefers-color-scheme:dark" in svg for svg in pictures(page))
    assert "Synthetic data." in page


def test_without_a_history_there_is_no_page(tmp_path):
    with pytest.raises(UsageError, match="holds no run yet"):
        trend.run(tmp_path, 20)
    assert not (tmp_path / trend.PAGE).exists()
