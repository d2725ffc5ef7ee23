"""The report in a headless browser: other thresholds tried by hand, in any light, at any width, and on paper."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from matplotlib.path import Path as Outline
from playwright.sync_api import Locator, expect

from fraud.report import words
from tests.browser import Opened

Look = Callable[..., AbstractContextManager[Opened]]

# Of each chart in the page its canvas and plot, [left, top, right, bottom]; its texts by their corners, its marks by
# their boxes, but for bands, which no legend names. Text is measured before it is turned: the box around a slanted
# label would reach into its neighbours'.
_MEASURED = """[...document.querySelectorAll("figure")].map((figure) => {
  const box = (one) => {
    const { left, top, right, bottom } = one.getBoundingClientRect();
    return [left, top, right, bottom];
  };
  const corners = (text) => {
    const glyphs = text.querySelector("g[transform]");
    const { x, y, width, height } = glyphs.getBBox();
    const by = glyphs.getScreenCTM();
    return [[x, y], [x + width, y], [x + width, y + height], [x, y + height]].map((at) => {
      const { x, y } = new DOMPoint(...at).matrixTransform(by);
      return [x, y];
    });
  };
  const axes = figure.querySelector("[id=axes_1]");
  const parts = [...axes.children].filter((part) => !/^(matplotlib|legend|FillBetween)/.test(part.id));
  const legend = axes.querySelector("[id=legend_1]");
  return {
    name: figure.id,
    canvas: box(figure.querySelector("svg")),
    plot: box(axes.querySelector("[id=patch_2]")),
    texts: [...figure.querySelectorAll("[id^=text_]")].map(corners),
    legend: legend ? legend.querySelectorAll("[id^=text_]").length : 0,
    drawn: parts.filter((part) => part.querySelector("[clip-path], use")).map(box),
  };
})"""


@pytest.fixture
def page_of(build_of_kind: Path) -> Path:
    return build_of_kind / "report" / "index.html"


@pytest.fixture
def opened(look: Look, page_of: Path) -> Callable[..., AbstractContextManager[Opened]]:
    """`with opened(**context) as found`: the page, which asks for nothing but itself."""

    @contextmanager
    def opening(**context: Any) -> Iterator[Opened]:
        with look(page_of.as_uri(), **context) as found:
            asked: list[str] = []
            found.page.on("request", lambda request: asked.append(request.url))
            yield found
            assert all(url.startswith("data:") for url in asked)

    return opening


@pytest.fixture
def points(build_of_kind: Path) -> dict[str, list[float]]:
    metrics = json.loads((build_of_kind / "metrics.json").read_text())
    found: dict[str, list[float]] = metrics["protocols"]["random"]["model"]["operating_points"]["points"]
    return found


def shown(form: Locator, key: str) -> str:
    text = form.locator(f"[data-key={key}]").text_content()
    assert text is not None
    return text


def assert_shows(form: Locator, points: dict[str, list[float]], place: int) -> None:
    for key in (
        "true_positives",
        "false_positives",
        "false_negatives",
        "true_negatives",
        "alerts_per_10000",
        "savings",
    ):
        assert shown(form, key) == words.number(points[key][place])
    for key in ("precision", "recall", "savings_share"):
        assert shown(form, key) == words.percent(points[key][place])
    assert float(shown(form, "threshold")) == pytest.approx(points["threshold"][place], rel=1e-3)


def test_a_threshold_is_tried_by_the_keyboard(opened: Any, points: dict[str, list[float]]) -> None:
    with opened() as found:
        form = found.page.locator(".explorer").first
        slider = form.get_by_label("Threshold, from the highest")
        start = int(slider.input_value())
        assert_shows(form, points, start)
        slider.focus()
        for place in (start + 1, start + 2):
            found.page.keyboard.press("ArrowRight")
            assert_shows(form, points, place)
        assert f"precision {words.percent(points['precision'][start + 2])}" in (
            slider.get_attribute("aria-valuetext") or ""
        )
        for key, place in (("Home", 0), ("End", len(points["threshold"]) - 1)):
            found.page.keyboard.press(key)
            assert_shows(form, points, place)
        form.get_by_role("button", name="Back to the chosen rule").click()
        expect(slider).to_have_value(str(start))
        assert_shows(form, points, start)


def test_a_threshold_is_dragged_by_the_mouse(opened: Any, points: dict[str, list[float]]) -> None:
    last = len(points["threshold"]) - 1
    with opened() as found:
        form, mouse = found.page.locator(".explorer").first, found.page.mouse
        slider = form.get_by_label("Threshold, from the highest")
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        assert box is not None
        middle = box["y"] + box["height"] / 2
        mouse.move(box["x"] + box["width"] * int(slider.input_value()) / last, middle)
        mouse.down()
        for share in (0.25, 0.5, 0.75):
            mouse.move(box["x"] + box["width"] * share, middle)
            place = int(slider.input_value())
            assert place == pytest.approx(share * last, abs=0.02 * last + 1)
            assert_shows(form, points, place)
        mouse.up()
        mouse.move(box["x"], middle)
        assert_shows(form, points, place)


def test_a_capacity_and_a_precision_choose_the_threshold(opened: Any, points: dict[str, list[float]]) -> None:
    with opened() as found:
        form = found.page.locator(".explorer").first
        middle = len(points["threshold"]) // 2
        capacity = form.get_by_label("At most so many alerts of 10,000")
        capacity.fill(str(points["alerts_per_10000"][middle] + 1e-9))
        assert_shows(form, points, middle)
        wanted = f"{100 * max(points['precision']):.1f}"
        least = float(wanted) / 100 if float(wanted) / 100 <= max(points["precision"]) else 0.01
        form.get_by_label("Precision of at least").fill(f"{100 * least:g}")
        expect(capacity).to_have_value("")
        best = max(place for place, precision in enumerate(points["precision"]) if precision >= least)
        assert_shows(form, points, best)
        capacity.fill("0")
        expect(form.get_by_role("status")).to_have_text("No threshold keeps to 0 alerts.")
        assert_shows(form, points, best)


def test_nobody_is_shut_out(opened: Any) -> None:
    with opened(color_scheme="light") as found:
        for closed in found.page.locator("summary").all():
            closed.click()
        # One row of a table is as the next, but takes as long.
        found.page.locator("tbody tr:nth-child(n + 4):not(.fail)").evaluate_all(
            "(rows) => rows.forEach((row) => row.remove())"
        )
        result = Axe().run(found.page)
        assert result.violations_count == 0, result.generate_report()
        # What else there is to find doesn't hang on the light.
        found.page.emulate_media(color_scheme="dark")
        result = Axe().run(found.page, options={"runOnly": ["color-contrast"]})
        assert result.violations_count == 0, result.generate_report()


def test_nothing_sticks_out_or_is_squeezed(opened: Any) -> None:
    with opened() as found:
        for width in (360, 768, 1_280, 1_920):
            found.page.set_viewport_size({"width": width, "height": 900})
            assert found.page.evaluate("document.documentElement.scrollWidth") == width
            cut = found.page.evaluate(
                """[...document.querySelectorAll("main *, header *")].filter((one) =>
                !one.closest(".scroll, svg, .skip") && one.getBoundingClientRect().right > innerWidth + 1
                || one.matches("tr") && one.getBoundingClientRect().height > 200)
                .map((one) => one.outerHTML.slice(0, 200))"""
            )
            assert (width, cut) == (width, [])


def test_the_first_screen_tells_the_verdict(opened: Any) -> None:
    verdict = ".verdict .badge, h1"
    with opened() as found:
        # The window of a common laptop, and a telephone.
        for width, height, what, count in (
            (1_280, 800, f"{verdict}, .figures strong", 6),
            (390, 844, verdict, 2),
        ):
            found.page.set_viewport_size({"width": width, "height": height})
            boxes = [one.bounding_box() for one in found.page.locator(what).all()]
            assert len(boxes) == count
            for box in boxes:
                assert box is not None
                assert 0 <= box["x"] <= box["x"] + box["width"] <= width
                assert 0 <= box["y"] <= box["y"] + box["height"] <= height


def test_no_figure_is_none_and_no_table_empty(opened: Any) -> None:
    with opened() as found:
        text = found.page.inner_text("body")
        assert (
            re.findall(r"(?i).*(?:\b(?:nan|inf|infinity|null|undefined)\b|[+-]0(?:\.0+)?(?![\d.])|\de\+\d).*", text)
            == []
        )
        empty = "table:not(:has(tbody td)), figure:not(:has(img)), figcaption:empty, p:empty:not([role]), li:empty"
        assert found.page.locator(empty).evaluate_all("(all) => all.map((one) => one.outerHTML)") == []


def test_charts_hold_what_they_name_and_cut_no_label(look: Look, build_of_kind: Path, tmp_path: Path) -> None:
    paths = sorted((build_of_kind / "report" / "figures").glob("*.svg"))
    figures = (f'<figure id="{path.stem}">{path.read_text(encoding="utf-8")}</figure>' for path in paths)
    (tmp_path / "charts.html").write_text("<!doctype html><meta charset=utf-8>" + "".join(figures), encoding="utf-8")
    with look((tmp_path / "charts.html").as_uri()) as found:
        charts = found.page.evaluate(_MEASURED)
    assert len(charts) == len(paths) > 0
    wrong: dict[str, list[str]] = {}
    for chart in charts:
        left, top, right, bottom = chart["canvas"]
        outlines = [Outline([*corners, corners[0]], closed=True) for corners in chart["texts"]]
        told = wrong.setdefault(chart["name"], [])
        told += [
            f"text {place} is cut"
            for place, corners in enumerate(chart["texts"], 1)
            if not all(left <= x <= right and top <= y <= bottom for x, y in corners)
        ]
        told += [
            f"texts {one} and {other} overlap"
            for (one, first), (other, second) in combinations(enumerate(outlines, 1), 2)
            if first.intersects_path(second)
        ]
        drawn = [mark for mark in chart["drawn"] if _touches(mark, chart["plot"])]
        told += ["something lies outside the plot, or is empty"] * (len(drawn) < len(chart["drawn"]))
        told += ["less is drawn than the legend names"] * (len(drawn) < max(1, chart["legend"]))
    assert {name: told for name, told in wrong.items() if told} == {}


def test_it_is_one_small_file_that_prints(opened: Any, page_of: Path) -> None:
    assert page_of.stat().st_size < 5_000_000
    with opened() as found:
        printed = found.page.pdf()
    assert printed.startswith(b"%PDF")
    assert 5 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 60
    assert 100_000 < len(printed) < 5_000_000


def test_without_scripts_the_chosen_rule_is_told_all_the_same(opened: Any) -> None:
    with opened(java_script_enabled=False) as found:
        expect(found.page.locator(".explorer").first).to_be_hidden()
        expect(found.page.get_by_role("heading", name="Confusion matrices")).to_be_visible()


def _touches(mark: list[float], plot: list[float]) -> bool:
    """Whether something that can be seen lies in the plot, each [left, top, right, bottom]."""
    seen = max(mark[2] - mark[0], mark[3] - mark[1]) > 1
    return seen and mark[0] <= plot[2] and mark[2] >= plot[0] and mark[1] <= plot[3] and mark[3] >= plot[1]
