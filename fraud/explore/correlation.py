"""How the columns move together, and with `Class`."""

import numpy as np
import seaborn as sns
from numpy.typing import NDArray

from fraud import schema
from fraud.explore.chart import DIVERGING, LEGITIMATE, NEUTRAL, Chart, canvas
from fraud.explore.view import View

# The blog post says that no correlation with Class exceeds about this.
CLAIMED_LIMIT = 0.15

_SHOWN = 15


def correlations(view: View) -> NDArray[np.float64]:
    """Pearson's correlations of the 31 columns, shape (31, 31), weighted; 0 where a column is constant."""
    values = view.frame[list(schema.COLUMNS)].to_numpy(dtype=np.float64)
    weights = np.where(view.fraud, 1.0, view.weight)
    covariance = np.cov(values, rowvar=False, aweights=weights)
    deviation = np.sqrt(np.diag(covariance))
    scale = np.outer(deviation, deviation)
    return np.divide(covariance, scale, out=np.zeros_like(covariance), where=scale > 0)


def with_label(matrix: NDArray[np.float64]) -> dict[str, float]:
    """The correlation of each of the 30 features with `Class`, strongest first."""
    label = schema.COLUMNS.index(schema.LABEL.name)
    pairs = {name: float(matrix[i, label]) for i, name in enumerate(schema.COLUMNS) if i != label}
    return dict(sorted(pairs.items(), key=lambda pair: -abs(pair[1])))


def correlation_matrix(view: View, matrix: NDArray[np.float64]) -> Chart:
    """All 31 columns against each other, the diagonal left out."""
    apart = np.where(np.eye(len(matrix), dtype=bool), 0, matrix)
    first, second = np.unravel_index(np.argmax(np.abs(apart)), apart.shape)
    strongest = float(apart[first, second])
    pair = f"{schema.COLUMNS[first]} and {schema.COLUMNS[second]}"
    columns = [column.name for column in schema.COMPONENTS]
    places = [schema.COLUMNS.index(name) for name in columns]
    among = float(np.abs(apart[np.ix_(places, places)]).max())
    title = f"{pair} correlate most ({strongest:+.2f}); V1…V28 among themselves less than {_above(among):.2f}"
    finding = (
        f"The components V1…V28 reach |r| = {among:.3f} among themselves, so what structure there is lies in the "
        f"rows of Time, Amount and Class: the strongest pair is {pair}, r = {strongest:+.3f}."
    )

    figure = canvas(title, "Pearson's correlation r; the diagonal, 1 by definition, is left out. " + view.note, 9.0)
    axes = figure.subplots()
    limit = max(0.1, float(np.ceil(10 * abs(strongest)) / 10))
    sns.heatmap(
        matrix,
        mask=np.eye(len(matrix), dtype=bool),
        vmin=-limit,
        vmax=limit,
        cmap=DIVERGING,
        square=True,
        linewidths=0.5,
        xticklabels=schema.COLUMNS,
        yticklabels=schema.COLUMNS,
        cbar_kws={"label": "correlation r", "shrink": 0.8},
        ax=axes,
    )
    axes.tick_params(labelsize=9.5)
    axes.grid(visible=False)
    alt = f"Heat map of the correlations of all 31 columns, red positive, blue negative. {title}."
    numbers = {"columns": list(schema.COLUMNS), "r": np.round(matrix, 6).tolist()}
    return Chart("correlation-matrix", title, finding, alt, numbers, figure)


def strongest_correlations(view: View, matrix: NDArray[np.float64]) -> Chart:
    """The columns that correlate most with `Class`, against the limit that the blog post claims."""
    r = with_label(matrix)
    beyond = [name for name, value in r.items() if abs(value) > CLAIMED_LIMIT]
    top, value = next(iter(r.items()))
    if beyond:
        columns = f"{len(beyond)} columns exceed" if len(beyond) > 1 else "One column exceeds"
        title = f"{columns} the claimed correlation of {CLAIMED_LIMIT} with Class: {top} reaches {value:+.2f}"
    else:
        title = f"No column exceeds the claimed correlation of {CLAIMED_LIMIT} with Class: {top} reaches {value:+.2f}"
    finding = f"Beyond ±{CLAIMED_LIMIT}: {', '.join(beyond) or 'none'}. A correlation with a rare class is small even "
    finding += "where the column separates well: see the densities."

    shown = dict(list(r.items())[:_SHOWN])
    figure = canvas(title, f"Pearson's correlation r, strongest {_SHOWN} of {len(r)} columns. " + view.note, 5.6)
    axes = figure.subplots()
    for place, (name, strength) in enumerate(shown.items()):
        strong = name in beyond
        axes.barh(
            place, strength, color=LEGITIMATE if strong else "#c9c9c9", edgecolor="white", hatch="//" if strong else ""
        )
        axes.annotate(
            f"{strength:+.3f}",
            (strength, place),
            (5 if strength > 0 else -5, 0),
            textcoords="offset points",
            va="center",
            ha="left" if strength > 0 else "right",
            fontsize=10,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )
    for limit in (-CLAIMED_LIMIT, CLAIMED_LIMIT):
        axes.axvline(limit, color=NEUTRAL, linestyle="--", linewidth=1.2, zorder=1.5)
    axes.annotate(
        f"claimed limit\n±{CLAIMED_LIMIT}",
        (CLAIMED_LIMIT, len(shown) - 0.6),
        (6, 0),
        textcoords="offset points",
        color=NEUTRAL,
        va="bottom",
        fontsize=10,
    )
    reach = 1.25 * max(abs(value), CLAIMED_LIMIT)
    axes.set(xlim=(-reach, reach), xlabel="correlation with Class, r (negative: lower values in frauds)")
    axes.set_yticks(range(len(shown)), list(shown))
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    alt = f"Bars of the {_SHOWN} strongest correlations with Class and lines at ±{CLAIMED_LIMIT}. {title}."
    return Chart("class-correlations", title, finding, alt, {"r": r, "claimed_limit": CLAIMED_LIMIT}, figure)


def _above(value: float) -> float:
    """The next hundredth above `value`, so that "less than" is true."""
    return float(np.floor(100 * value) + 1) / 100
