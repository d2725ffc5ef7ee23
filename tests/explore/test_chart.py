"""What holds for every figure: nothing is cut or overlaps, and its words and numbers are there."""

import json
from functools import cache
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from fraud import schema
from fraud.explore import chart, counts, plane, rhythm
from fraud.explore.correlation import correlation_matrix, correlations, strongest_correlations
from fraud.explore.separation import class_densities, distances
from fraud.explore.view import View

DRAWERS = {
    "class-counts": counts.class_counts,
    "missing-values": counts.missing_values,
    "class-correlations": lambda view: strongest_correlations(view, correlations(view)),
    "correlation-matrix": lambda view: correlation_matrix(view, correlations(view)),
    "amount-and-time": rhythm.amount_and_time,
    "fraud-share-by-hour": rhythm.fraud_share_by_hour,
    "class-densities": lambda view: class_densities(view, distances(view)),
    "classes-in-a-plane": lambda view: plane.classes_in_a_plane(view, 42),
}


@pytest.fixture(scope="module")
def drawn(transactions):
    """Draws a chart by its name and prevalence, each once."""

    @cache
    def draw(name, prevalence=0.001727):
        with chart.style():
            made = DRAWERS[name](View(transactions, prevalence))
            made.figure.draw_without_rendering()
        return made

    return draw


def words(figure):
    """What is written around the axes: titles, notes, labels, and the ticks that lie inside the axes."""
    yield from figure.texts
    for axes in figure.axes:
        yield axes.title
        for axis in (axes.xaxis, axes.yaxis):
            yield axis.label
            low, high = sorted(axis.get_view_interval())
            yield from (tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high)
            yield from (tick.label2 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high)


def places(texts):
    """The texts that are seen, and where."""
    seen = [text for text in texts if text.get_visible() and text.get_text().strip()]
    return [(text.get_text(), text.get_window_extent()) for text in seen]


@pytest.mark.parametrize("prevalence", [None, 0.001727])
@pytest.mark.parametrize("name", DRAWERS)
def test_no_text_is_cut(name, drawn, prevalence):
    figure = drawn(name, prevalence).figure
    width, height = figure.canvas.get_width_height()
    inside = [text for axes in figure.axes for text in axes.texts]
    found = places([*words(figure), *inside])
    assert len(found) > 10
    assert [text for text, box in found if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height] == []


@pytest.mark.parametrize("name", DRAWERS)
def test_the_words_around_the_axes_do_not_overlap(name, drawn):
    pairs = combinations(places(words(drawn(name).figure)), 2)
    assert [(a, b) for (a, at), (b, other) in pairs if at.padded(-1).overlaps(other.padded(-1))] == []


@pytest.mark.parametrize("name", DRAWERS)
def test_a_figure_is_a_small_picture_of_a_thousand_pixels(name, drawn, tmp_path):
    drawn(name).save(tmp_path)
    path = tmp_path / f"{name}.png"
    assert path.stat().st_size < 150_000
    pixels = imread(path)
    assert pixels.shape[1] == 1_000
    assert len(np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0)) > 5


@pytest.mark.parametrize("name", DRAWERS)
def test_words_and_numbers_can_be_written_as_json(name, drawn):
    described = drawn(name).described("figures")
    assert list(described) == ["id", "file", "title", "finding", "alt", "numbers"]
    assert described["file"] == f"figures/{name}.png"
    assert all(described[key] for key in described)
    assert described["title"] in described["alt"]
    json.dumps(described, allow_nan=False)


@pytest.mark.parametrize("name", DRAWERS)
def test_odd_data_are_drawn_too(name):
    """Two frauds, a single amount and second, a constant column."""
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({column: rng.normal(size=40) for column in schema.FEATURES})
    frame = frame.assign(Time=0.0, Amount=5.0, V28=0.0, Class=(np.arange(40) < 2).astype("int8"))
    with chart.style():
        described = DRAWERS[name](View(frame)).described("figures")
    json.dumps(described, allow_nan=False)


def test_the_style_does_not_outlast_its_block():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    with chart.style():
        assert dict(mpl.rcParams) != before
    assert dict(mpl.rcParams) == before
