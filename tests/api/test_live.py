"""The model that answers is exchanged between two requests, whole, and is gone after."""

import gc
import json
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
from werkzeug.test import Client

from fraud import schema
from fraud.api import operations
from fraud.api.app import create_app
from fraud.api.counts import Counts
from fraud.api.lane import Lane
from fraud.api.lines import Lines
from fraud.api.live import Live, Model
from fraud.api.metrics import Metrics
from fraud.api.observed import Observed
from fraud.scorer import Scorer


@pytest.fixture
def scorers(tmp_path: Path, write_bundle: Callable) -> list[Scorer]:
    """Two, whose answers differ."""
    for intercept in (0, 1):
        write_bundle(tmp_path / f"model-{intercept}", intercept)
    return [Scorer(tmp_path / f"model-{intercept}") for intercept in (0, 1)]


@pytest.fixture
def client(scorers: list[Scorer], lines: Lines) -> Client:
    app = create_app(scorers[0])
    return Client(Observed(Lane(app), Metrics(Counts(None)), frozenset({"/predict"}), operations.live(app), lines))


def live(client: Client) -> Live:
    return client.application._live


def test_no_answer_and_no_line_of_the_log_mixes_two_models(
    client: Client,
    scorers: list[Scorer],
    lines: Lines,
    blog_transaction: dict[str, float],
    capfd: pytest.CaptureFixture[str],
) -> None:
    row = [[blog_transaction[name] for name in schema.FEATURES]]
    expected = {scorer.manifest.digest: scorer.probability(row)[0] for scorer in scorers}
    assert len(set(expected.values())) == 2
    answers, until = [], time.monotonic() + 1

    def ask() -> None:
        while time.monotonic() < until:
            answers.append(client.post("/predict", json=blog_transaction).get_json())

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for thread in asking:
        thread.start()
    models = [Model(scorer) for scorer in scorers]
    while any(thread.is_alive() for thread in asking):
        for model in models:
            live(client).current = model
            time.sleep(0)
    assert {answer["model"]["digest"] for answer in answers} == set(expected)
    assert all(answer["probability"] == expected[answer["model"]["digest"]] for answer in answers)
    lines.flush()
    logged = {line["id"]: line["model"] for line in map(json.loads, capfd.readouterr().out.splitlines())}
    assert logged == {answer["id"]: answer["model"]["version"] for answer in answers}


@pytest.mark.parametrize("address", ["/health", "/ready", "/model"])
def test_an_operator_is_told_of_the_new_model(client: Client, scorers: list[Scorer], address: str) -> None:
    told = []
    for scorer in scorers:
        live(client).current = Model(scorer)
        answer = client.get(address).get_json()
        told.append(answer.get("version") or answer["model"])
    assert told == [scorer.manifest.version for scorer in scorers]


def test_a_bundle_that_was_refused_is_said_while_the_model_is_ready(client: Client, scorers: list[Scorer]) -> None:
    version = scorers[0].manifest.version
    assert client.get("/ready").get_json() == {"status": "ready", "model": version}
    live(client).refused = "model.onnx can't be run"
    answer = client.get("/ready")
    assert answer.status_code == 200
    assert answer.get_json() == {"status": "ready", "model": version, "refused": "model.onnx can't be run"}


def test_a_model_that_does_not_answer_is_not_ready(mute_bundle: Path) -> None:
    answer = create_app(Scorer(mute_bundle)).test_client().get("/ready")
    assert answer.status_code == 503
    assert answer.get_json()["detail"] == "The model does not answer."


def test_a_model_that_was_exchanged_is_freed(
    client: Client, tmp_path: Path, blog_transaction: dict[str, float]
) -> None:
    live(client).current = Model(Scorer(tmp_path / "model-0"))
    client.post("/predict", json=blog_transaction)
    client.get("/ready")
    before = weakref.ref(live(client).current.scorer)
    live(client).current = Model(Scorer(tmp_path / "model-1"))
    gc.collect()
    assert before() is None
