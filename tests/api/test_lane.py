"""The two doors answer byte for byte alike."""

import io
import json
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pytest
from flask import Flask
from werkzeug.test import Client, EnvironBuilder, TestResponse

from fraud.api.lane import Lane
from fraud.api.predict import Predict

SENT: dict[str, tuple[str, dict[str, Any]]] = {
    "approved": ("/predict", {"json": "V14=0"}),
    "declined": ("/predict", {"json": "V14=-9"}),
    "with reasons": ("/predict?reasons=always", {"json": "V14=0"}),
    "unusual": ("/predict", {"json": "V3=200"}),
    "a list": ("/predict", {"json": "many"}),
    "lines": ("/predict", {"data": "lines", "content_type": "application/x-ndjson"}),
    "Arrow": ("/predict?reasons=always", {"data": "arrow", "content_type": "application/vnd.apache.arrow.stream"}),
    "wrong Arrow": ("/predict", {"data": b"ARROW1", "content_type": "application/vnd.apache.arrow.stream"}),
    "malformed": ("/predict", {"data": b"{", "content_type": "application/json"}),
    "not UTF-8": ("/predict", {"data": b"\xff", "content_type": "application/json"}),
    "wrong": ("/predict", {"json": {"V1": None, "\ud800": 1}}),
    "another media type": ("/predict", {"data": b"{}", "content_type": "text/plain"}),
    "another question": ("/predict?x", {"json": {}}),
    "empty": ("/predict", {}),
    "another method": ("/predict", {"method": "PUT"}),
    "another address": ("/predict/", {"json": {}}),
    "health": ("/health", {"method": "GET"}),
}


@pytest.mark.parametrize(("path", "told"), SENT.values(), ids=SENT)
def test_both_doors_answer_alike(
    app: Flask, blog_transaction: dict[str, float], path: str, told: dict[str, Any]
) -> None:
    assert same(ask(app, blog_transaction, path, told)).status_code < 500


def test_a_bug_is_the_same_behind_both(
    app: Flask,
    blog_transaction: dict[str, float],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def bug(*_: object) -> None:
        raise RuntimeError("the card number is 4711")

    monkeypatch.setattr(Predict, "_answers", bug)
    response = same(ask(app, blog_transaction, "/predict", {"json": "V14=0"}))
    assert response.status_code == 500
    assert "4711" not in response.text
    assert caplog.text.count("error of-the-test") == 2


def test_an_answer_is_a_list_which_granian_sends_without_a_stream(
    app: Flask, blog_transaction: dict[str, float]
) -> None:
    body = json.dumps(blog_transaction).encode()
    environ = EnvironBuilder("/predict", method="POST", data=body, content_type="application/json").get_environ()
    answer = Lane(app)(environ, lambda *_: None)
    assert isinstance(answer, list)
    assert json.loads(b"".join(answer))["decision"]


def test_what_is_no_prediction_is_flasks(app: Flask) -> None:
    lane = Client(Lane(app))
    assert lane.get("/model").get_json() == app.test_client().get("/model").get_json()


def ask(app: Flask, transaction: dict[str, float], path: str, told: dict[str, Any]) -> list[TestResponse]:
    changed = {"V14": 0.0, "V3": 0.0}
    match told.get("json", told.get("data")):
        case "many":
            told = told | {"json": [transaction | changed | {"V14": v14} for v14 in (0.0, -9.0)]}
        case "lines":
            told = told | {"data": json.dumps(transaction) + "\n" + json.dumps(transaction | {"V14": -9.0})}
        case "arrow":
            table = pa.Table.from_pylist([transaction | changed | {"V14": v14} for v14 in (0.0, -9.0)])
            sink = io.BytesIO()
            with pa.ipc.new_stream(sink, table.schema) as writer:
                writer.write_table(table)
            told = told | {"data": sink.getvalue()}
        case str(one):
            name, _, value = one.partition("=")
            told = told | {"json": transaction | changed | {name: float(value)}}
    told = {"method": "POST", **told, "headers": {"X-Request-ID": "of-the-test"}}
    return [client.open(path, **told) for client in (app.test_client(), Client(Lane(app)))]


def same(responses: Iterable[TestResponse]) -> TestResponse:
    flask, lane = responses
    assert (flask.status, flask.data) == (lane.status, lane.data)
    assert sorted(flask.headers) == sorted(lane.headers)
    assert flask.headers["X-Request-ID"] == "of-the-test"
    return lane
