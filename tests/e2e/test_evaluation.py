"""What is served is what was judged: the rows of the test split get the answers that the evaluation counted."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import pandas as pd
import pytest

from fraud import schema
from fraud.client import Client
from fraud.dataset import source
from fraud.settings import Settings
from tests.e2e.serving import IN_JSON, Served, serving


@pytest.fixture(scope="module")
def served(finished_run: Settings) -> Iterator[Served]:
    with serving(finished_run.build, workers=2, FRAUD_ACCESS_LOG="false") as running:
        yield running


@pytest.fixture(scope="module")
def judged(finished_run: Settings) -> pd.DataFrame:
    """What the evaluation wrote of the model that is served, with the transactions themselves."""
    scores = pd.read_parquet(finished_run.build / "scores.parquet").query("protocol == 'random'")
    transactions = source.opened(finished_run)[0].iloc[scores["row"]].reset_index(drop=True)
    return pd.concat([scores.reset_index(drop=True).drop(columns="time"), transactions], axis=1)


def by_list(served: Served, transactions: list[dict[str, float]]) -> list[dict[str, Any]]:
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=60)) as connection:
        answers = []
        for start in range(0, len(transactions), 500):
            body = json.dumps(transactions[start : start + 500])
            connection.request("POST", "/predict", body, IN_JSON)
            answers += json.loads(connection.getresponse().read())
        return answers


def one_by_one(served: Served, transactions: list[dict[str, float]]) -> list[dict[str, Any]]:
    with Client(served.url, timeout=60) as client:
        return [vars(client.predict(transaction)) for transaction in transactions]


@pytest.mark.parametrize("ask", [by_list, one_by_one])
def test_the_answers_give_the_confusion_matrix_of_the_evaluation(
    served: Served, judged: pd.DataFrame, finished_run: Settings, ask: Any
) -> None:
    answers = ask(served, judged[list(schema.FEATURES)].to_dict("records"))
    metrics = json.loads((finished_run.build / "metrics.json").read_text())
    weight = metrics["legitimate_weight"]
    counts = Counter(zip(judged["label"], (answer["prediction"] for answer in answers), strict=True))
    found = {name: value["value"] for name, value in metrics["protocols"]["random"]["model"]["metrics"].items()}
    assert found["true_positives"] == counts[1, 1]
    assert found["false_negatives"] == counts[1, 0]
    assert found["false_positives"] == weight * counts[0, 1]
    # The difference by which the evaluation finds it, to the last bit.
    legitimate = counts[0, 0] + counts[0, 1]
    assert found["true_negatives"] == weight * legitimate - weight * counts[0, 1]
    assert min(counts.values()) > 0
    for name in ("probability", "prediction", "decision", "threshold"):
        assert [answer[name] for answer in answers] == judged[name].tolist(), name
