"""Mixtures of Gaussians behind the synthetic twin, in which no component stands for a handful of rows."""

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from fraud.dataset.twin_statistics import Floats

# Fewer rows than this come too near to being the component themselves.
MINIMUM_ROWS = 10

# Twice the number of features: a covariance of fewer rows is hardly estimated.
_COMPONENT_ROWS = 60
_ROWS_PER_COMPONENT = 400
_MOST_COMPONENTS = 50
_ITERATIONS = 15

_ROWS_PER_CLUSTER = 30
_RIDGE = 1e-4


def fitted(values: Floats, seed: int) -> GaussianMixture:
    """A mixture for many rows, shape (n, d), on comparable scales; no component of fewer than 60 rows where n allows.

    Components are not tied to their margins' tails: expectation-maximisation starts from clusters on a tamed scale, and
    starts again without those that have shrunk onto few rows.
    """
    wanted = int(np.clip(len(values) // _ROWS_PER_COMPONENT, 1, _MOST_COMPONENTS))
    label = KMeans(wanted, n_init=1, random_state=seed).fit_predict(np.arcsinh(values))
    while True:
        mixture = _maximised(values, label)
        large = mixture.weights_ * len(values) >= _COMPONENT_ROWS
        if large.all() or len(large) == 1:
            return mixture
        # Of those that are too small to stay, the largest may: one has to.
        large[np.argmax(mixture.weights_)] = True
        label = mixture.predict_proba(values)[:, large].argmax(axis=1)


def clustered(values: Floats, seed: int) -> tuple[Floats, Floats, Floats]:
    """Weights, means and covariances, shapes (k,), (k, d) and (k, d, d), of clusters of few rows, shape (n, d).

    Each covariance is shrunk towards that within all clusters, the more the fewer its rows.

    Raises:
        ValueError: there are fewer than ten rows.
    """
    if len(values) < MINIMUM_ROWS:
        raise ValueError(f"{len(values)} rows are too few for a component")
    label = _clusters(np.arcsinh(values), seed)
    count = np.bincount(label)
    means = np.array([values[label == k].mean(axis=0) for k in range(len(count))])
    within = (values - means[label]).T @ (values - means[label]) / len(values)
    own = np.array([np.cov(values[label == k], rowvar=False) for k in range(len(count))])
    shrink = (_ROWS_PER_CLUSTER / (_ROWS_PER_CLUSTER + count))[:, None, None]
    return count / count.sum(), means, (1 - shrink) * own + shrink * within + _RIDGE * np.eye(values.shape[1])


def _maximised(values: Floats, label: NDArray[np.int64]) -> GaussianMixture:
    _, label, count = np.unique(label, return_inverse=True, return_counts=True)
    mixture = GaussianMixture(
        len(count),
        reg_covar=_RIDGE,
        max_iter=_ITERATIONS,
        weights_init=count / count.sum(),
        means_init=np.array([values[label == k].mean(axis=0) for k in range(len(count))]),
        precisions_init=np.array([_precision(values[label == k]) for k in range(len(count))]),
    )
    with warnings.catch_warnings():
        # The likelihood creeps up for ever; margins and hardness, which are measured, have settled long before.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return mixture.fit(values)


def _precision(values: Floats) -> NDArray[np.floating]:
    """Of a cluster, however small, to start from: correlations count once there are five times as many rows."""
    rows, width = values.shape
    variance = values.var(axis=0)
    if rows < 5 * width:
        return np.diag(1 / (variance + _RIDGE))
    return np.linalg.inv(np.cov(values, rowvar=False) + _RIDGE * np.eye(width))


def _clusters(values: Floats, seed: int) -> NDArray[np.int64]:
    """Cluster numbers from 0, each of at least `MINIMUM_ROWS` rows."""
    for wanted in range(max(1, len(values) // _ROWS_PER_CLUSTER), 0, -1):
        model = KMeans(wanted, n_init=5, random_state=seed).fit(values)
        count = np.bincount(model.labels_, minlength=wanted)
        large = count >= MINIMUM_ROWS
        if large.any():
            # Rows of a cluster too small to stand alone go to the nearest of the others.
            distance = model.transform(values)[:, large]
            label: NDArray[np.int64] = distance.argmin(axis=1)
            return label
    raise AssertionError("one cluster of all rows is large enough")
