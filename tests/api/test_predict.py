"""What `/predict` answers to transactions that it accepts."""

import json
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient

from fraud import schema
from fraud.scorer import Scorer


def test_the_blog_posts_call_is_answered(client: FlaskClient, blog_transaction: dict[str, float]) -> None:
    response = client.post("/predict", json=blog_transaction)
    answer = response.get_json()
    assert response.status_code == 200
    assert list(answer) == ["prediction", "probability", "decision", "threshold", "model", "warnings", "reasons"]
    assert answer["prediction"] in (0, 1)
    assert 0 <= answer["probability"] <= 1


def test_the_answer_is_the_scorers(
    client: FlaskClient, bundle_folder: Path, blog_transaction: dict[str, float]
) -> None:
    scorer = Scorer(bundle_folder)
    scores = scorer.score([[blog_transaction[name] for name in schema.FEATURES]])
    answer = client.post("/predict", json=blog_transaction).get_json()
    assert answer["probability"] == scores.probability[0]
    assert answer["prediction"] == scores.prediction[0]
    assert answer["decision"] == scores.decision[0]
    assert answer["threshold"] == scores.threshold[0]
    assert answer["model"] == {"version": scorer.manifest.version, "digest": scorer.manifest.digest}


def test_the_order_of_the_names_does_not_matter(client: FlaskClient, blog_transaction: dict[str, float]) -> None:
    backwards = json.dumps(dict(reversed(blog_transaction.items())))
    answers = [
        client.post("/predict", data=text, content_type="application/json").data
        for text in (json.dumps(blog_transaction), backwards)
    ]
    assert answers[0] == answers[1]


def test_integers_a_byte_order_mark_and_a_charset_are_read(
    client: FlaskClient, blog_transaction: dict[str, float]
) -> None:
    text = "\ufeff" + json.dumps(blog_transaction | {"Time": 0, "Amount": 100})
    response = client.post("/predict", data=text.encode(), content_type="application/json; charset=utf-8")
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("v14", "decision", "prediction", "threshold"),
    [(0.0, "approve", 0, 0.5), (-2.45, "review", 1, 0.5), (-9.0, "decline", 1, 0.9)],
)
def test_a_decision_has_its_threshold_and_reasons(
    client: FlaskClient,
    blog_transaction: dict[str, float],
    v14: float,
    decision: str,
    prediction: int,
    threshold: float,
) -> None:
    answer = client.post("/predict", json=blog_transaction | {"V14": v14}).get_json()
    assert (answer["decision"], answer["prediction"], answer["threshold"]) == (decision, prediction, threshold)
    assert (answer["probability"] >= threshold) == bool(prediction)
    if prediction:
        strongest = answer["reasons"][0]
        assert (strongest["feature"], strongest["value"]) == ("V14", v14)
        assert strongest["contribution"] > 0
    else:
        assert answer["reasons"] == []


def test_unusual_values_are_answered_with_a_warning(client: FlaskClient, blog_transaction: dict[str, float]) -> None:
    answer = client.post("/predict", json=blog_transaction | {"V3": 200.0, "V4": 50.0, "Amount": 29_000.5}).get_json()
    told = {warning["feature"]: (warning["value"], warning["detail"]) for warning in answer["warnings"]}
    assert list(told) == ["Time", "V3", "V4", "Amount"]
    assert told["Time"] == (-1.359807134, "unusual: time is counted from the first row of a file")
    assert told["V3"][1].startswith("unusual: no component of the published data")
    assert told["V4"][1].startswith("training saw only ")
    assert told["Amount"][1].startswith("training saw only ")


def test_a_usual_transaction_has_no_warning(client: FlaskClient) -> None:
    usual = dict.fromkeys(schema.FEATURES, 0.0) | {"Amount": 20.0, "Time": 5.0}
    assert client.post("/predict", json=usual).get_json()["warnings"] == []


def test_a_list_is_answered_in_its_order(client: FlaskClient, blog_transaction: dict[str, float]) -> None:
    sent = [blog_transaction | {"V14": float(v14)} for v14 in np.linspace(2, -8, 25)]
    together = client.post("/predict", json=sent).get_json()
    alone = [client.post("/predict", json=one).get_json() for one in sent]
    assert [answer["probability"] for answer in together] == pytest.approx(
        [answer["probability"] for answer in alone], abs=1e-6
    )
    assert [answer["decision"] for answer in together] == [answer["decision"] for answer in alone]
    for answer, one, lonely in zip(together, sent, alone, strict=True):
        named = [(reason["feature"], reason["value"]) for reason in answer["reasons"]]
        assert named == [(feature, one[feature]) for feature, _ in named]
        assert named == [(reason["feature"], reason["value"]) for reason in lonely["reasons"]]
        assert len(named) == (3 if answer["prediction"] else 0)
    assert {answer["prediction"] for answer in together} == {0, 1}


@pytest.mark.parametrize("count", [0, 1, 10_000])
def test_a_list_may_be_empty_and_may_be_long(
    client: FlaskClient, blog_transaction: dict[str, float], count: int
) -> None:
    response = client.post("/predict", json=[blog_transaction] * count)
    assert response.status_code == 200
    assert len(response.get_json()) == count


def test_the_largest_numbers_get_a_finite_answer(client: FlaskClient) -> None:
    from fraud.api.model import LARGEST

    for sign in (1, -1):
        largest = dict.fromkeys(schema.FEATURES, sign * LARGEST) | {"Amount": LARGEST}
        answer = client.post("/predict", json=largest).get_json()
        assert 0 <= answer["probability"] <= 1
        assert all(np.isfinite(reason["contribution"]) for reason in answer["reasons"])
