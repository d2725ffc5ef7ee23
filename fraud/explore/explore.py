"""The exploration step: figures into `build/figures/`, and the numbers behind them into `build/explore.json`."""

from collections.abc import Callable

from fraud import artefacts
from fraud.dataset.source import opened
from fraud.errors import UsageError
from fraud.explore import chart, counts, plane, rhythm
from fraud.explore.claims import claims
from fraud.explore.correlation import correlation_matrix, correlations, strongest_correlations
from fraud.explore.separation import class_densities, distances
from fraud.explore.view import View
from fraud.settings import Settings
from fraud.terminal import say, track

FIGURES = "figures"
RECORD = "explore.json"


def run(settings: Settings) -> None:
    """Draw every figure and record its words and numbers.

    Raises:
        UsageError: the data step has not run, its file has changed since, or a class is missing.
    """
    frame, data = opened(settings)
    view = View(frame, settings.prevalence)
    if not view.frauds or not view.legitimate:
        raise UsageError(f"{data['path']} holds {view.frauds} frauds in {len(frame)} rows: it needs both classes")
    matrix = correlations(view)
    drawers: tuple[Callable[[], chart.Chart], ...] = (
        lambda: counts.class_counts(view),
        lambda: counts.missing_values(view),
        lambda: strongest_correlations(view, matrix),
        lambda: correlation_matrix(view, matrix),
        lambda: rhythm.amount_and_time(view),
        lambda: rhythm.fraud_share_by_hour(view),
        lambda: class_densities(view, distances(view)),
        lambda: plane.classes_in_a_plane(view, settings.seed),
    )
    described = []
    with artefacts.replacing(settings.build / FIGURES) as folder, chart.style():
        folder.mkdir()
        for draw in track(drawers, "figures"):
            drawn = draw()
            drawn.save(folder)
            described.append(drawn.described(FIGURES))
    document = {
        "provenance": artefacts.provenance(settings.recorded(), data),
        "claims": claims(view, matrix),
        "figures": described,
    }
    # Last: where this stands, so do the figures that it names.
    artefacts.write_json(settings.build / RECORD, document)
    say(f"explored: {len(described)} figures in {settings.build / FIGURES}")
