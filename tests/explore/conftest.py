import numpy as np
import pandas as pd
import pytest

from fraud import schema
from fraud.explore.view import View


@pytest.fixture(scope="session")
def transactions() -> pd.DataFrame:
    """5,000 rows whose 100 frauds differ in V14, somewhat in V4, and come at hour 3; nothing else differs."""
    rng = np.random.default_rng(11)
    rows, frauds = 5_000, 100
    fraud = np.arange(rows) < frauds
    columns = {name: rng.normal(size=rows) for name in schema.FEATURES}
    columns["V14"] -= 6 * fraud
    columns["V4"] += fraud
    # Few transactions in hours 0 to 5 of each of two days, many in the others.
    hour = np.where(rng.random(rows) < 0.04, rng.integers(0, 6, rows), rng.integers(6, 24, rows))
    hour = np.where(fraud & (rng.random(rows) < 0.5), 3, hour)
    columns["Time"] = np.floor(86_400 * rng.integers(0, 2, rows) + 3_600 * (hour + rng.random(rows)))
    columns["Amount"] = np.where(rng.random(rows) < 0.02, 0, rng.lognormal(3, 1.5, rows).round(2))
    columns["V2"] -= 0.5 * np.log1p(columns["Amount"])
    return pd.DataFrame({**columns, "Class": fraud.astype("int8")})


@pytest.fixture
def view(transactions: pd.DataFrame) -> View:
    return View(transactions)


@pytest.fixture
def weighted(transactions: pd.DataFrame) -> View:
    return View(transactions, prevalence=0.002)
