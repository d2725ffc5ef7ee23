"""Both classes in two dimensions."""

import numpy as np
from matplotlib.patches import Ellipse
from numpy.typing import NDArray

from fraud import schema
from fraud.explore.chart import FRAUD, LEGITIMATE, Chart, canvas
from fraud.explore.view import View

_SAMPLE = 3_000
_COVERED = 0.99

Floats = NDArray[np.float64]


def classes_in_a_plane(view: View, seed: int) -> Chart:
    """The first two principal components of the standardised features, all frauds and a sample of the others.

    Both classes weigh the same in means, deviations and components: the published components have no direction of
    their own over all rows, and frauds are too few to give them one.

    Args:
        view: the data.
        seed: of the sample of legitimate rows that is drawn; the numbers are those of all rows.
    """
    scores, axes_of, explained = _components(view)
    legitimate, fraud = scores[~view.fraud], scores[view.fraud]
    centre, covariance = legitimate.mean(axis=0), np.cov(legitimate, rowvar=False)
    radius = float(np.sqrt(np.quantile(_squared_distance(legitimate, centre, covariance), _COVERED)))
    hidden = float((_squared_distance(fraud, centre, covariance) <= radius**2).mean())
    title = f"{hidden:.0%} of the frauds lie where {_COVERED:.0%} of the legitimate transactions are"
    finding = (
        f"In the plane of the two strongest principal components ({explained.sum():.0%} of the variance), {hidden:.1%} "
        f"of the frauds lie inside the ellipse that holds {_COVERED:.0%} of the legitimate rows: they hide there, and "
        f"need more than two dimensions. Along the first, {_listed(axes_of[:, 0])} weigh most."
    )

    drawn = np.random.default_rng(seed).permutation(len(legitimate))[:_SAMPLE]
    figure = canvas(
        title,
        f"Principal components of {len(schema.FEATURES)} standardised features, both classes weighing the same: no "
        f"unit. All {len(fraud):,} frauds, {len(drawn):,} of {len(legitimate):,} legitimate rows. Points beyond the "
        "frame lie on its edge.",
        6.6,
    )
    axes = figure.subplots()
    limits = [np.quantile(np.concatenate([legitimate[drawn], fraud])[:, i], (0.002, 0.998)) for i in (0, 1)]
    (left, right), (low, high) = [(a - 0.05 * (b - a), b + 0.05 * (b - a)) for a, b in limits]
    # Far from all others, a handful of points would squeeze the rest into a corner.
    (x, y), (fraud_x, fraud_y) = (
        np.clip(points, (left, low), (right, high)).T for points in (legitimate[drawn], fraud)
    )
    axes.scatter(x, y, s=9, color=LEGITIMATE, alpha=0.35, linewidths=0, label="legitimate", clip_on=False)
    axes.scatter(
        fraud_x,
        fraud_y,
        s=26,
        marker="^",
        color=FRAUD,
        edgecolors="white",
        linewidths=0.5,
        label="fraud",
        clip_on=False,
    )
    values, vectors = np.linalg.eigh(covariance)
    widths = 2 * radius * np.sqrt(np.maximum(values, 0))
    angle = float(np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1])))
    axes.add_patch(
        Ellipse(
            (centre[0], centre[1]),
            widths[1],
            widths[0],
            angle=angle,
            fill=False,
            edgecolor="black",
            linestyle="--",
            linewidth=1.8,
            label=f"{_COVERED:.0%} of the legitimate",
        )
    )
    axes.set(xlim=(left, right), ylim=(low, high))
    axes.set_xlabel(f"first component ({explained[0]:.0%} of the variance)")
    axes.set_ylabel(f"second component ({explained[1]:.0%})")
    axes.legend(loc="best", markerscale=1.6, frameon=True, framealpha=0.9)
    numbers = {
        "explained_variance": explained.tolist(),
        "loadings": {name: row.tolist() for name, row in zip(schema.FEATURES, np.round(axes_of, 6), strict=True)},
        "ellipse": {"centre": centre.tolist(), "covariance": covariance.tolist(), "radius": radius, "holds": _COVERED},
        "frauds_inside": hidden,
        "legitimate_drawn": len(drawn),
        "seed": seed,
    }
    alt = f"Scatter plot of both classes, with an ellipse around the legitimate ones. {title}."
    return Chart("classes-in-a-plane", title, finding, alt, numbers, figure)


def _components(view: View) -> tuple[Floats, Floats, Floats]:
    """Scores, shape (n, 2), loadings, (30, 2), and shares of the variance, (2,), of the class-balanced components."""
    values = view.frame[list(schema.FEATURES)].to_numpy(dtype=np.float64)
    weights = np.where(view.fraud, 0.5 / view.frauds, 0.5 / view.legitimate)
    mean = weights @ values
    deviation = np.sqrt(weights @ (values - mean) ** 2)
    values = (values - mean) / np.where(deviation > 0, deviation, 1)
    variance, vectors = np.linalg.eigh((values * weights[:, None]).T @ values)
    loadings = vectors[:, [-1, -2]]
    # An eigenvector's sign is arbitrary: frauds to the right and up.
    scores = values @ loadings
    signs = np.where(scores[view.fraud].mean(axis=0) < 0, -1.0, 1.0)
    return scores * signs, loadings * signs, variance[[-1, -2]] / variance.sum()


def _squared_distance(points: Floats, centre: Floats, covariance: Floats) -> Floats:
    """Mahalanobis' distance, squared, shape (n,)."""
    apart = points - centre
    return np.asarray((apart @ np.linalg.pinv(covariance) * apart).sum(axis=1))


def _listed(loadings: Floats) -> str:
    heaviest = np.argsort(-np.abs(loadings), kind="stable")[:3]
    return ", ".join(schema.FEATURES[i] for i in heaviest)
