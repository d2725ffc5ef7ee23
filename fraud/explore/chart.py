"""What every figure is made of: its canvas, colours and words."""

import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import seaborn as sns
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

# Colours that colour-blind readers tell apart; every figure also tells the classes apart by shape, line or place.
_PALETTE = sns.color_palette("colorblind").as_hex()
LEGITIMATE, FRAUD, NEUTRAL = _PALETTE[0], _PALETTE[3], "#595959"
DIVERGING = "vlag"

_DPI = 100
_WIDTH = 10.0
_TITLE_LETTERS = 78


@dataclass(frozen=True)
class Chart:
    """A figure with its words: `title` says what to see, `finding` says more of it, `alt` stands in for the picture.

    `numbers` holds what the picture shows, as JSON can hold it.
    """

    id: str
    title: str
    finding: str
    alt: str
    numbers: Mapping[str, Any]
    figure: Figure

    @property
    def file(self) -> str:
        return f"{self.id}.png"

    def described(self, folder: str) -> dict[str, Any]:
        """All but the picture, which lies in `folder`."""
        words = {"id": self.id, "file": f"{folder}/{self.file}", "title": self.title, "finding": self.finding}
        return {**words, "alt": self.alt, "numbers": self.numbers}

    def save(self, folder: Path) -> None:
        """Write a PNG of 1,000 pixels' width: the same chart gives the same bytes."""
        self.figure.savefig(folder / self.file, dpi=_DPI, metadata={"Software": None})


@contextmanager
def style() -> Iterator[None]:
    """The look of all figures; holds for what is drawn and saved inside."""
    look = {
        **sns.axes_style("whitegrid"),
        "font.size": 11,
        "axes.edgecolor": "#b0b0b0",
        "axes.titlesize": 12,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "grid.color": "#e6e6e6",
        "legend.frameon": False,
    }
    with mpl.rc_context(look):
        yield


def canvas(title: str, note: str, height: float) -> Figure:
    """An empty figure of 10 by `height` inches with its title above and a note below."""
    figure = Figure(figsize=(_WIDTH, height), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.09))
    FigureCanvasAgg(figure)
    figure.suptitle(_wrapped(title), x=0.012, ha="left", fontsize=15, fontweight="bold")
    figure.supxlabel(textwrap.fill(note, 145), x=0.012, ha="left", fontsize=9.5, color=NEUTRAL)
    return figure


def _wrapped(title: str) -> str:
    """Broken into lines of much the same length, none wider than the figure."""
    lines = len(textwrap.wrap(title, _TITLE_LETTERS))
    return title if lines == 1 else textwrap.fill(title, min(_TITLE_LETTERS, len(title) // lines + 8))
