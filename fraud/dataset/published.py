"""What is known of the published data set, and whether a file agrees with it."""

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from fraud import schema


@dataclass(frozen=True)
class Facts:
    """Facts of a data set of 31 columns: `Time` in seconds, `Amount` in euros, standard deviations of the sample.

    `component_mean` and `component_correlation` are the largest absolute mean, and correlation of two, of V1…V28.
    """

    rows: int
    frauds: int
    time_low: float
    time_high: float
    amount_mean: float
    amount_std: float
    amount_median: float
    amount_high: float
    fraud_amount_mean: float
    component_mean: float
    component_correlation: float
    component_std: tuple[float, ...]


# Source: the data set's page, https://www.kaggle.com/datasets/mlg-ulb/creditcardfraud
PUBLISHED = Facts(
    rows=284_807,
    frauds=492,
    time_low=0,
    time_high=172_792,
    amount_mean=88.35,
    amount_std=250.12,
    amount_median=22.00,
    amount_high=25_691.16,
    fraud_amount_mean=122.21,
    component_mean=0,
    component_correlation=0,
    component_std=(
        *(1.959, 1.651, 1.516, 1.416, 1.380, 1.332, 1.237, 1.194, 1.099, 1.089, 1.021, 0.999, 0.995, 0.959),
        *(0.915, 0.876, 0.849, 0.838, 0.814, 0.771, 0.735, 0.726, 0.624, 0.606, 0.521, 0.482, 0.404, 0.330),
    ),
)

# Half a unit of the last published digit, a little more for its rounding. Means and correlations of principal
# components are 0 up to arithmetic, and to about 1e-8 in copies that keep nine decimals.
_TOLERANCE = {
    "amount_mean": 0.0051,
    "amount_std": 0.0051,
    "amount_median": 0.0051,
    "amount_high": 0.0051,
    "fraud_amount_mean": 0.0051,
    "component_mean": 1e-6,
    "component_correlation": 1e-6,
    "component_std": 0.00051,
}


def differences(frame: pd.DataFrame, facts: Facts = PUBLISHED) -> list[str]:
    """Name each fact in which `frame`, with the columns of `schema.COLUMNS`, is not the data set of `facts`."""
    counted = {"rows": len(frame), "frauds": int((frame[schema.LABEL.name] == 1).sum())}
    wrong = [f"{name} {n}, not {getattr(facts, name)}" for name, n in counted.items() if n != getattr(facts, name)]
    # Another number of rows is another file: its remaining statistics would say no more, and cost time.
    return wrong or _compared(measured(frame), facts)


def measured(frame: pd.DataFrame) -> Facts:
    """The facts of a frame with the columns of `schema.COLUMNS` and at least one fraud."""
    time, amount, label = (frame[column.name] for column in (schema.TIME, schema.AMOUNT, schema.LABEL))
    components = frame[[column.name for column in schema.COMPONENTS]].to_numpy()
    correlation = np.corrcoef(components, rowvar=False)
    return Facts(
        rows=len(frame),
        frauds=int((label == 1).sum()),
        time_low=float(time.min()),
        time_high=float(time.max()),
        amount_mean=float(amount.mean()),
        amount_std=float(amount.std()),
        amount_median=float(amount.median()),
        amount_high=float(amount.max()),
        fraud_amount_mean=float(amount[label == 1].mean()),
        component_mean=float(np.abs(components.mean(axis=0)).max()),
        component_correlation=float(np.abs(correlation - np.eye(len(correlation))).max()),
        component_std=tuple(float(value) for value in components.std(axis=0, ddof=1)),
    )


def _compared(found: Facts, facts: Facts) -> list[str]:
    wrong = []
    for field in fields(Facts):
        mine, theirs = np.asarray(getattr(found, field.name)), np.asarray(getattr(facts, field.name))
        # Written so that a NaN differs.
        if not (np.abs(mine - theirs) <= _TOLERANCE.get(field.name, 0)).all():
            at = int(np.argmax(np.abs(mine - theirs)))
            wrong.append(f"{field.name} {mine.flat[at]:.6g}, not {theirs.flat[at]:.6g}")
    return wrong
