"""The page as one would read it without its pictures."""

import json
from html.parser import HTMLParser

import pytest

from fraud import bundle
from fraud.report import report, words
from tests.report.exploration import EXPLORED

CHARTS = ("precision-recall", "roc", "reliability", "scores", "importance", "effects")
PICTURES = (*(f"{chart}-{protocol}" for chart in CHARTS for protocol in bundle.FOLDERS), "learning-curve", *EXPLORED)

Rows = list[list[str]]


class Figures(HTMLParser):
    """By the id of each figure the tables beside its picture, in rows of cells; `pictures` counts all of the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.pictures = 0
        self.tables: dict[str, list[Rows]] = {}
        self._figure: list[Rows] | None = None
        self._cell = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.pictures += tag == "img"
        if tag == "figure":
            self._figure = self.tables[dict(attrs)["id"]] = []
        elif self._figure is not None:
            if tag == "table":
                self._figure.append([])
            elif tag == "tr":
                self._figure[-1].append([])
            elif tag in ("th", "td"):
                self._figure[-1][-1].append("")
                self._cell = True

    def handle_endtag(self, tag):
        if tag == "figure":
            self._figure = None
        elif tag in ("th", "td"):
            self._cell = False

    def handle_data(self, data):
        if self._figure is not None and self._cell:
            self._figure[-1][-1][-1] += data


@pytest.fixture(scope="module")
def page(explored_run) -> Figures:
    report.run(explored_run)
    return Figures((explored_run.build / "report" / "index.html").read_text())


def test_every_picture_stands_in_a_figure_of_its_own(page):
    assert sorted(page.tables) == sorted(PICTURES)
    assert page.pictures == len(PICTURES)


@pytest.mark.parametrize("picture", PICTURES)
def test_a_table_of_its_data_stands_beside_each_picture(page, picture):
    assert page.tables[picture]
    for headings, *rows in page.tables[picture]:
        assert rows
        assert all(headings[1:])
        assert all(len(row) == len(headings) and all(row) for row in rows)


def test_every_point_of_the_learning_curve_is_that_of_the_artefact(page, explored_run):
    points = json.loads((explored_run.build / "training.json").read_text())["protocols"]["random"]["learning_curve"]
    ((_, *rows),) = page.tables["learning-curve"]
    told = [[words.number(point["frauds"]), words.with_interval(point["average_precision"])] for point in points]
    assert rows == told


@pytest.mark.parametrize("protocol", bundle.FOLDERS)
@pytest.mark.parametrize(("name", "curve"), [("precision-recall", "precision_recall"), ("roc", "roc")])
def test_every_cell_of_a_curve_is_that_of_the_artefact(page, explored_run, protocol, name, curve):
    judged = json.loads((explored_run.build / "metrics.json").read_text())["protocols"][protocol]
    ((headings, *rows),) = page.tables[f"{name}-{protocol}"]
    for column, role in enumerate(("model", "logistic", "reference"), 1):
        assert headings[column] == judged[role]["name"]
        band = judged[role]["bands"][curve]
        points = zip(band["value"], band["low"], band["high"], strict=True)
        told = [words.with_interval(dict(zip(("value", "low", "high"), point, strict=True))) for point in points]
        assert [row[column] for row in rows] == told


@pytest.mark.parametrize("protocol", bundle.FOLDERS)
def test_the_features_of_the_table_are_those_of_the_chart(page, explored_run, protocol):
    svg = (explored_run.build / "report" / "figures" / f"importance-{protocol}.svg").read_text()
    ((_, *rows),) = page.tables[f"importance-{protocol}"]
    named = [row[0].split()[0] for row in rows]
    # Text is drawn as paths, with a comment before each.
    assert [name for name in named if f"<!-- {name} -->" in svg] == named
    assert svg.count("<!-- V") + svg.count("<!-- Amount") + svg.count("<!-- Time") == len(named)
