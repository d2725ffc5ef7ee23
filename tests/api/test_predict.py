"""What `/predict` answers to transactions that it accepts."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from werkzeug.test import Client

from fraud import bundle, schema
from fraud.scorer import Scorer


def test_the_blog_posts_call_is_answered(client: Client, blog_transaction: dict[str, float]) -> None:
    response = client.post("/predict", json=blog_transaction)
    answer = response.get_json()
    assert response.status_code == 200
    assert list(answer) == ["prediction", "probability", "decision", "threshold", "model", "warnings", "reasons", "id"]
    assert answer["prediction"] in (0, 1)
    assert 0 <= answer["probability"] <= 1


def test_the_answer_is_the_scorers(client: Client, bundle_folder: Path, blog_transaction: dict[str, float]) -> None:
    scorer = Scorer(bundle_folder)
    scores = scorer.score([[blog_transaction[name] for name in schema.FEATURES]])
    answer = client.post("/predict", json=blog_transaction).get_json()
    assert answer["probability"] == scores.probability[0]
    assert answer["prediction"] == scores.prediction[0]
    assert answer["decision"] == scores.decision[0]
    assert answer["threshold"] == scores.threshold[0]
    assert answer["model"] == {"version": scorer.manifest.version, "digest": scorer.manifest.digest}


def test_the_order_of_the_names_does_not_matter(client: Client, blog_transaction: dict[str, float]) -> None:
    backwards = json.dumps(dict(reversed(blog_transaction.items())))
    told = {"content_type": "application/json", "headers": {"X-Request-ID": "the-same"}}
    answers = [client.post("/predict", data=text, **told).data for text in (json.dumps(blog_transaction), backwards)]
    assert answers[0] == answers[1]


def test_integers_a_byte_order_mark_and_a_charset_are_read(client: Client, blog_transaction: dict[str, float]) -> None:
    text = "\ufeff" + json.dumps(blog_transaction | {"Time": 0, "Amount": 100})
    response = client.post("/predict", data=text.encode(), content_type="application/json; charset=utf-8")
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("v14", "decision", "prediction", "threshold"),
    [(0.0, "approve", 0, 0.5), (-2.45, "review", 1, 0.5), (-9.0, "decline", 1, 0.9)],
)
def test_a_decision_has_its_threshold_and_reasons(
    client: Client,
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


def test_unusual_values_are_answered_with_a_warning(client: Client, blog_transaction: dict[str, float]) -> None:
    answer = client.post("/predict", json=blog_transaction | {"V3": 200.0, "V4": 50.0, "Amount": 29_000.5}).get_json()
    told = {warning["feature"]: (warning["value"], warning["detail"]) for warning in answer["warnings"]}
    assert list(told) == ["Time", "V3", "V4", "Amount"]
    assert told["Time"] == (-1.359807134, "unusual: time is counted from the first row of a file")
    assert told["V3"][1].startswith("unusual: no component of the published data")
    assert told["V4"][1].startswith("training saw only ")
    assert told["Amount"][1].startswith("training saw only ")


def test_a_usual_transaction_has_no_warning(client: Client) -> None:
    usual = dict.fromkeys(schema.FEATURES, 0.0) | {"Amount": 20.0, "Time": 5.0}
    assert client.post("/predict", json=usual).get_json()["warnings"] == []


@pytest.mark.parametrize("name", schema.FEATURES)
def test_what_warns_alone_warns_in_a_list(client: Client, bundle_folder: Path, name: str) -> None:
    """At the ends of what training saw, and a hair within and beyond: one transaction has its own way to an answer."""
    usual = dict.fromkeys(schema.FEATURES, 0.0) | {"Amount": 20.0, "Time": 5.0}
    seen = bundle.read(bundle_folder).manifest.features[name]
    for end in (seen.low, seen.high):
        for value in (math.nextafter(end, -math.inf), end, math.nextafter(end, math.inf)):
            alone = client.post("/predict", json=usual | {name: value})
            listed = client.post("/predict", json=[usual | {name: value}])
            assert alone.status_code == listed.status_code
            if alone.status_code == 200:
                answer = alone.get_json()
                assert [{name: told for name, told in answer.items() if name != "id"}] == listed.get_json()
                assert bool(answer["warnings"]) == (not seen.low <= value <= seen.high) or name == schema.TIME.name


def test_a_list_is_answered_in_its_order(client: Client, blog_transaction: dict[str, float]) -> None:
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
def test_a_list_may_be_empty_and_may_be_long(client: Client, blog_transaction: dict[str, float], count: int) -> None:
    response = client.post("/predict", json=[blog_transaction] * count)
    assert response.status_code == 200
    assert len(response.get_json()) == count


def test_the_largest_numbers_get_a_finite_answer(client: Client) -> None:
    from fraud.api.model import LARGEST

    for sign in (1, -1):
        largest = dict.fromkeys(schema.FEATURES, sign * LARGEST) | {"Amount": LARGEST}
        answer = client.post("/predict", json=largest).get_json()
        assert 0 <= answer["probability"] <= 1
        assert all(np.isfinite(reason["contribution"]) for reason in answer["reasons"])


def test_lines_are_answered_with_lines(client: Client, blog_transaction: dict[str, float]) -> None:
    sent = [blog_transaction | {"V14": float(v14)} for v14 in (-9, -2.45, 0)]
    text = "\n\n".join(map(json.dumps, sent)) + "\r\n"
    response = client.post("/predict", data=text, content_type="application/x-ndjson")
    assert (response.status_code, response.mimetype) == (200, "application/x-ndjson")
    assert [json.loads(line) for line in response.text.splitlines()] == client.post("/predict", json=sent).get_json()


def test_no_lines_are_answered_with_none(client: Client) -> None:
    response = client.post("/predict", data=b"\n", content_type="application/x-ndjson")
    assert (response.status_code, response.data) == (200, b"")


@pytest.mark.parametrize("time", [-1.0, 1.0], ids=["unusual", "usual"])
def test_reasons_are_given_on_request(client: Client, blog_transaction: dict[str, float], time: float) -> None:
    approved = blog_transaction | {"V14": 0.0, "Time": time}
    for asked, given in (("", False), ("?reasons=alerts", False), ("?reasons=always", True)):
        answer = client.post(f"/predict{asked}", json=approved).get_json()
        assert answer["decision"] == "approve"
        assert bool(answer["reasons"]) == given
    [one, other] = client.post("/predict?reasons=always", json=[approved, blog_transaction]).get_json()
    assert one["reasons"]
    assert other["reasons"]


@pytest.mark.parametrize("sent", ["order-4711", "a" * 128, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"])
def test_an_id_is_the_clients_own(client: Client, blog_transaction: dict[str, float], sent: str) -> None:
    for transaction, status in ((blog_transaction, 200), ({}, 422)):
        response = client.post("/predict", json=transaction, headers={"X-Request-ID": sent})
        assert response.status_code == status
        assert response.headers["X-Request-ID"] == response.get_json()["id"] == sent


@pytest.mark.parametrize("sent", [None, "", "a" * 129, "a b", "<script>", "ä"])
def test_an_id_is_new_where_the_client_sends_no_sensible_one(
    client: Client, blog_transaction: dict[str, float], sent: str | None
) -> None:
    headers = {} if sent is None else {"X-Request-ID": sent}
    found = {client.post("/predict", json=blog_transaction, headers=headers).get_json()["id"] for _ in range(3)}
    assert len(found) == 3
    assert sent not in found
