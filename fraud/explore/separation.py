"""Which features tell the classes apart, one at a time."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import gaussian_kde, ks_2samp

from fraud import schema
from fraud.explore.chart import FRAUD, LEGITIMATE, Chart, canvas
from fraud.explore.view import View

_SHOWN = 10
_CELLS = 400
_POINTS = 100


def distances(view: View) -> dict[str, float]:
    """The Kolmogorov-Smirnov distance of the classes in each feature, largest first.

    It is the largest difference between two cumulative distributions: 0 where they are equal, 1 where a threshold
    parts them; shares of the classes do not enter.
    """
    found = {}
    for name in schema.FEATURES:
        result = ks_2samp(view.of(name, fraud=False), view.of(name, fraud=True), method="asymp")
        found[name] = float(result.statistic)
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def class_densities(view: View, ks: dict[str, float]) -> Chart:
    """The densities of both classes in the ten features that separate them most."""
    shown = dict(list(ks.items())[:_SHOWN])
    best, second = list(shown)[:2]
    weakest, distance = list(ks.items())[-1]
    title = f"{best} tells the classes apart best (KS distance {ks[best]:.2f}), then {second} ({ks[second]:.2f})"
    finding = (
        f"KS distance, the largest difference between the classes' cumulative distributions, runs from {ks[best]:.2f} "
        f"in {best} down to {distance:.2f} in {weakest}. Where the dashed curve lies inside the solid one, frauds look "
        "like any other transaction."
    )

    figure = canvas(
        title,
        "Kernel densities, each class for itself (area 1), over the central 99% of both. Horizontal axes in the "
        "column's own unit; vertical axes differ. Dashed: frauds.",
        5.4,
    )
    numbers: dict[str, Any] = {"ks_distance": ks, "densities": {}}
    grid = figure.subplots(2, 5)
    for axes, (name, distance) in zip(grid.flat, shown.items(), strict=True):
        curves = _densities(view.of(name, fraud=False), view.of(name, fraud=True))
        at = curves["at"]
        axes.fill_between(at, curves["legitimate"], color=LEGITIMATE, alpha=0.2, linewidth=0)
        axes.plot(at, curves["legitimate"], color=LEGITIMATE, linewidth=1.6, label="legitimate")
        axes.plot(at, curves["fraud"], color=FRAUD, linewidth=1.8, linestyle="--", label="fraud")
        axes.set(xlim=(at[0], at[-1]), ylim=(0, None), title=f"{name}   KS {distance:.2f}")
        axes.tick_params(labelsize=9)
        axes.locator_params(nbins=3)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value / 1000:g}k" if abs(value) >= 1_000 else f"{value:g}")
        numbers["densities"][name] = {key: [float(f"{v:.4g}") for v in values] for key, values in curves.items()}
    for axes in grid[:, 0]:
        axes.set_ylabel("density")
    grid[0, 0].legend(fontsize=9, handlelength=1.4, loc="upper left")
    alt = f"Ten small charts with two density curves each, one for each class. {title}."
    return Chart("class-densities", title, finding, alt, numbers, figure)


def _densities(legitimate: NDArray[np.float64], fraud: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Both classes' kernel densities on a common grid, from the 0.5% to the 99.5% quantile of either class."""
    quantiles = np.quantile(legitimate, (0.005, 0.995)), np.quantile(fraud, (0.005, 0.995))
    low, high = min(quantiles[0][0], quantiles[1][0]), max(quantiles[0][1], quantiles[1][1])
    if low == high:
        low, high = low - 1, high + 1
    at = np.linspace(low, high, _POINTS)
    return {"at": at, "legitimate": _density(legitimate, at), "fraud": _density(fraud, at)}


def _density(values: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """A Gaussian kernel density of bandwidth 1.06·min(s, IQR/1.34)·n^(-1/5), the values binned first, for speed.

    Sources: Silverman, "Density estimation for statistics and data analysis", 1986, equation 3.31 in its robust form;
    binning: Wand, "Fast computation of multivariate kernel estimators", 1994.
    """
    cell = (at[-1] - at[0]) / _CELLS
    counts, edges = np.histogram(values, np.linspace(at[0] - 20 * cell, at[-1] + 20 * cell, _CELLS + 41))
    centres = (edges[1:] + edges[:-1]) / 2
    spread = min(values.std(), np.subtract(*np.quantile(values, (0.75, 0.25))) / 1.34)
    bandwidth = max(1.06 * spread * len(values) ** -0.2, cell)
    inside = np.average(centres, weights=counts)
    deviation = np.sqrt(np.average((centres - inside) ** 2, weights=counts)) or cell
    # `gaussian_kde` takes its bandwidth in units of the standard deviation of what it is given.
    kernel = gaussian_kde(centres, bw_method=bandwidth / deviation, weights=counts)
    return np.asarray(kernel(at) * counts.sum() / len(values), dtype=np.float64)
