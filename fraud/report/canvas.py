"""The look of a chart: an SVG that follows the reader's light or dark colours by itself."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from fraud.report.tables import Table

# Drawn in these marks, which the SVG replaces by variables: (mark, name, in the light, in the dark). The model's blue,
# the logistic regression's green and the reference's vermilion or orange are, or darken, those of Okabe and Ito's
# palette, which colour-blind readers tell apart.
INK, MUTED, GRID, PAPER = "#010101", "#020202", "#030303", "#040404"
MODEL, REFERENCE, LOGISTIC = "#050505", "#060606", "#070707"
_COLOURS = (
    (INK, "ink", "#1b1f24", "#e8eaed"),
    (MUTED, "muted", "#57606a", "#a9b1ba"),
    (GRID, "grid", "#e3e6ea", "#30363d"),
    (PAPER, "paper", "#ffffff", "#161b22"),
    (MODEL, "model", "#0072b2", "#56b4e9"),
    (REFERENCE, "reference", "#c04a00", "#e69f00"),
    (LOGISTIC, "logistic", "#00785a", "#00b383"),
)


@dataclass(frozen=True)
class Chart:
    """A picture as SVG text, with the words for those who don't see it and the title for those who do.

    `table` holds what is drawn; `None` where a table of the page does so anyway.
    """

    id: str
    title: str
    alt: str
    svg: str
    table: Table | None = None


@contextmanager
def style() -> Iterator[None]:
    """Holds for what is drawn inside."""
    look: dict[Any, Any] = {
        "font.size": 10,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": MUTED,
        "axes.facecolor": PAPER,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "figure.facecolor": PAPER,
        "grid.color": GRID,
        "hatch.color": REFERENCE,
        "hatch.linewidth": 0.8,
        "legend.fontsize": 9,
        "legend.frameon": False,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        # The same chart gives the same bytes.
        "svg.hashsalt": "fraud",
    }
    with mpl.rc_context(look):
        yield


def canvas(x: str, y: str) -> tuple[Figure, Axes]:
    """An empty chart of 5.2 by 3.9 inches with the labels of its axes."""
    figure = Figure(figsize=(5.2, 3.9), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.subplots()
    axes.set(xlabel=x, ylabel=y)
    return figure, axes


def to_svg(figure: Figure) -> str:
    """SVG text whose colours are variables, set for light and for dark."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    for mark, name, _, _ in _COLOURS:
        svg = svg.replace(mark, f"var(--{name})")
    light = "".join(f"--{name}:{colour};" for _, name, colour, _ in _COLOURS)
    dark = "".join(f"--{name}:{colour};" for _, name, _, colour in _COLOURS)
    sheet = f"<style>:root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}</style>"
    start = svg.index(">") + 1
    return svg[:start] + sheet + svg[start:]
