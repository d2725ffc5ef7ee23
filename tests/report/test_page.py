"""The report in a headless browser: other thresholds tried by hand, in any light, at any width, and on paper."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, expect

from fraud.report import report, words
from fraud.settings import Settings
from tests.browser import Opened

Look = Callable[..., AbstractContextManager[Opened]]


@pytest.fixture(scope="module")
def page_of(explored_run: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    build = tmp_path_factory.mktemp("page") / "build"
    shutil.copytree(explored_run.build, build)
    report.run(explored_run.model_copy(update={"build": build}))
    return build / "report" / "index.html"


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
def points(explored_run: Settings) -> dict[str, list[float]]:
    metrics = json.loads((explored_run.build / "metrics.json").read_text())
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


def test_a_capacity_and_a_precision_choose_the_threshold(opened: Any, points: dict[str, list[float]]) -> None:
    with opened() as found:
        form = found.page.locator(".explorer").first
        middle = len(points["threshold"]) // 2
        capacity = form.get_by_label("At most so many alerts of 10,000")
        capacity.fill(str(points["alerts_per_10000"][middle] + 1e-9))
        assert_shows(form, points, middle)
        form.get_by_label("Precision of at least").fill("90")
        expect(capacity).to_have_value("")
        best = max(place for place, precision in enumerate(points["precision"]) if precision >= 0.9)
        assert_shows(form, points, best)
        capacity.fill("0")
        expect(form.get_by_role("status")).to_have_text("No threshold keeps to 0 alerts.")
        assert_shows(form, points, best)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_shut_out(opened: Any, scheme: str) -> None:
    with opened(color_scheme=scheme) as found:
        for closed in found.page.locator("summary").all():
            closed.click()
        result = Axe().run(found.page)
        assert result.violations_count == 0, result.generate_report()


@pytest.mark.parametrize("width", [360, 768, 1_280, 1_920])
def test_nothing_sticks_out(opened: Any, width: int) -> None:
    with opened(viewport={"width": width, "height": 900}) as found:
        assert found.page.evaluate("document.documentElement.scrollWidth") == width
        cut = found.page.evaluate(
            """[...document.querySelectorAll("main *, header *")].filter((one) => !one.closest(".scroll, svg, .skip")
            && one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.outerHTML.slice(0, 200))"""
        )
        assert cut == []


def test_it_is_one_small_file_that_prints(opened: Any, page_of: Path) -> None:
    assert page_of.stat().st_size < 5_000_000
    with opened() as found:
        assert found.page.pdf().startswith(b"%PDF")


def test_without_scripts_the_chosen_rule_is_told_all_the_same(opened: Any) -> None:
    with opened(java_script_enabled=False) as found:
        expect(found.page.locator(".explorer").first).to_be_hidden()
        expect(found.page.get_by_role("heading", name="Confusion matrices")).to_be_visible()
