"""Where a twin resembles genuine rows, as it should, and where it comes too near to one of them."""

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from fraud import schema

_COMPONENTS = [column.name for column in schema.COMPONENTS]
_TIME, _AMOUNT, _LABEL = schema.TIME.name, schema.AMOUNT.name, schema.LABEL.name
_HOUR = 3_600
_COMMON = 50
# Enough for a fifth percentile; the distances of all rows of a large file would take minutes.
_MOST_QUERIES = 10_000


def resemblance(rows: pd.DataFrame, like: pd.DataFrame, apart_from: pd.DataFrame, seed: int) -> dict[str, float]:
    """Figures by name of a twin; and, for genuine rows in its place, what these have in common by chance.

    Args:
        rows: drawn from statistics of `apart_from`, or other genuine rows.
        like: genuine rows whose distribution `rows` should have.
        apart_from: genuine rows that `rows` should not come near to.
        seed: of the regression and of a choice of rows.
    """
    figures = {
        "rows equal to a genuine one": _equal(rows, pd.concat((like, apart_from))),
        "distance to the nearest genuine row, 5th percentile": _nearest(rows, apart_from, seed),
    }
    for value, name in ((0, "legitimate"), (1, "fraud")):
        mine, theirs = (part[part[_LABEL] == value] for part in (rows, like))
        figures[f"{name} margins: mean Kolmogorov-Smirnov distance"] = _apart(mine, theirs)
    mine, theirs = (part[part[_LABEL] == 0] for part in (rows, like))
    figures["log Amount explained by the components: R²"] = _explained(mine, seed)
    figures["share of rows by hour: total variation"] = _hours_apart(mine, theirs)
    common = apart_from[_AMOUNT].value_counts().index[:_COMMON]
    figures["rows whose amount is among the 50 commonest"] = float(mine[_AMOUNT].isin(common).mean())
    return figures


def _equal(rows: pd.DataFrame, genuine: pd.DataFrame) -> float:
    """The number of rows whose components are those of a genuine row, to six decimals."""
    mine, theirs = (pd.util.hash_pandas_object(part[_COMPONENTS].round(6), index=False) for part in (rows, genuine))
    return float(mine.isin(theirs).sum())


def _nearest(rows: pd.DataFrame, fitting: pd.DataFrame, seed: int) -> float:
    """The 5th percentile of the Euclidean distance to the nearest fitting row, in standard deviations.

    `Time` is left out: a row at another second would still be somebody's row.
    """
    columns = [*_COMPONENTS, _AMOUNT]
    scaler = StandardScaler().fit(fitting[columns])
    some = rows.sample(min(len(rows), _MOST_QUERIES), random_state=seed)
    index = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(scaler.transform(fitting[columns]))
    distance, _ = index.kneighbors(scaler.transform(some[columns]))
    return float(np.quantile(distance, 0.05))


def _apart(rows: pd.DataFrame, others: pd.DataFrame) -> float:
    """The mean over the features of the Kolmogorov-Smirnov distance."""
    return float(np.mean([ks_2samp(rows[name], others[name]).statistic for name in schema.FEATURES]))


def _explained(rows: pd.DataFrame, seed: int) -> float:
    """R² of arsinh(Amount) out of fold, by boosting on the components and on a line through them.

    `Amount` is nearly linear in the components; on its own scale a single huge row would decide the figure. The area
    sine is a logarithm that takes what an untrue twin may hold: amounts below 0.
    """
    components, amount = rows[_COMPONENTS].to_numpy(), rows[_AMOUNT].to_numpy()
    scaled, explained = np.arcsinh(amount), np.zeros(len(rows))
    for train, test in KFold(3, shuffle=True, random_state=seed).split(components):
        line = LinearRegression().fit(components[train], amount[train]).predict(components)
        features = np.column_stack((components, line))
        model = HistGradientBoostingRegressor(max_iter=50, early_stopping=False, random_state=seed)
        explained[test] = model.fit(features[train], scaled[train]).predict(features[test])
    return float(r2_score(scaled, explained))


def _hours_apart(rows: pd.DataFrame, others: pd.DataFrame) -> float:
    """Half the sum of the differences between the shares of rows in each hour."""
    mine, theirs = ((part[_TIME] // _HOUR).value_counts(normalize=True) for part in (rows, others))
    return float(mine.sub(theirs, fill_value=0).abs().sum() / 2)
