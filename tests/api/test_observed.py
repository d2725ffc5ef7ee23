"""What is counted of each request, and told in the log."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from fraud.api.app import create_server_app
from fraud.api.counts import Counts
from fraud.api.lines import Lines
from fraud.api.metrics import Metrics
from fraud.scorer import Scorer


@pytest.fixture
def client(bundle_folder: Path, lines: Lines) -> Client:
    return Client(create_server_app(Scorer(bundle_folder), lines))


def counts(client: Client) -> dict[str, float]:
    """The samples of `/metrics` by name and labels."""
    response = client.get("/metrics")
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    return {name: float(value) for name, value in re.findall(r"^([^#\n]+) (\S+)$", response.text, re.MULTILINE)}


def test_models_beyond_those_that_there_is_room_for_are_seen_to_lack_it(
    bundle_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    own = Counts(None)
    client = Client(create_server_app(Scorer(bundle_folder), counts=own))
    assert counts(client)["fraud_counts_without_room_total"] == 0
    metrics = Metrics(own)
    for number in range(1_500):
        metrics.serves(f"logistic-{number:012}")
    found = counts(client)
    listed = sum(name.startswith("fraud_workers{") for name in found) - 1
    assert 900 < listed < 1_022
    # And those of the last request to be counted.
    assert 1_500 - listed <= found["fraud_counts_without_room_total"] <= 1_503 - listed
    assert "no room to count fraud_workers logistic-000000001499: restart" in capfd.readouterr().err


def told(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def test_requests_decisions_and_scores_are_counted(client: Client, blog_transaction: dict[str, float]) -> None:
    sent = [blog_transaction | {"V14": v14} for v14 in (-9.0, -9.0, 0.0)]
    for _ in range(2):
        assert client.post("/predict", json=sent).status_code == 200
    answer = client.post("/predict", json=sent[0]).get_json()
    client.post("/predict", json={})
    client.get("/no/such/address")
    client.get("/nor/this")
    found = counts(client)
    assert found['fraud_requests_total{route="/predict",status="200"}'] == 3
    assert found['fraud_requests_total{route="/predict",status="422"}'] == 1
    assert found['fraud_requests_total{route="other",status="404"}'] == 2
    assert found['fraud_request_duration_seconds_count{route="/predict"}'] == 4
    model = answer["model"]["version"]
    assert found[f'fraud_decisions_total{{decision="decline",model="{model}"}}'] == 5
    assert found[f'fraud_decisions_total{{decision="approve",model="{model}"}}'] == 2
    bands = {name: value for name, value in found.items() if name.startswith("fraud_scores_total")}
    assert sum(bands.values()) == 7
    assert bands['fraud_scores_total{up_to="1"}'] == 5


def test_transactions_alone_are_counted_as_in_a_list(client: Client, blog_transaction: dict[str, float]) -> None:
    sent = [blog_transaction | {"Time": 5.0, "V14": v14} for v14 in (-9.0, -4.0, -3.0, -2.0, 0.0, 2.0)]
    warned = [client.post("/predict", json=transaction).get_json()["warnings"] for transaction in sent]
    assert [] in warned
    alone = counted(client)
    assert len(alone) > 4
    client.post("/predict", json=sent)
    assert counted(client) == {name: 2 * value for name, value in alone.items()}


def counted(client: Client) -> dict[str, float]:
    """What is counted of transactions."""
    names = ("fraud_decisions_total", "fraud_scores_total")
    return {name: value for name, value in counts(client).items() if name.startswith(names) and value}


def test_a_request_is_one_line_without_a_feature_in_it(
    client: Client, lines: Lines, blog_transaction: dict[str, float], capfd: pytest.CaptureFixture[str]
) -> None:
    headers = {"X-Request-ID": "order-4711"}
    version = client.post("/predict", json=blog_transaction | {"V14": -9.0}, headers=headers).get_json()["model"]
    client.post("/predict", json=blog_transaction | {"Amount": -123.456})
    client.get("/secret/path")
    lines.flush()
    one, refused, other = told(capfd)
    assert 0 < one.pop("milliseconds") < 60_000
    assert one.pop("time").startswith("20")
    assert one == {
        "id": "order-4711",
        "method": "POST",
        "route": "/predict",
        "status": 200,
        "model": version["version"],
        "decisions": {"decline": 1},
        "holder": None,
    }
    assert (refused["status"], refused["decisions"]) == (422, None)
    assert "123.456" not in json.dumps(refused)
    assert (other["status"], other["route"]) == (404, "other")


def test_a_method_that_nobody_knows_makes_no_longer_line(
    client: Client, lines: Lines, capfd: pytest.CaptureFixture[str]
) -> None:
    known = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
    for method in (*known, "get", "BREW", "X" * 300_000):
        client.open("/health", method="GET", environ_overrides={"REQUEST_METHOD": method})
    lines.flush()
    assert [line["method"] for line in told(capfd)] == [*known, "other", "other", "other"]


def test_each_transaction_is_told_where_the_operator_asks_for_it(
    bundle_folder: Path, lines: Lines, blog_transaction: dict[str, float], capfd: pytest.CaptureFixture[str]
) -> None:
    client = Client(create_server_app(Scorer(bundle_folder), lines, log_transactions=True))
    # One as it is usual, and those beside which it is not alone.
    sent = [blog_transaction | {"Time": 5.0, "V14": v14} for v14 in (0.0, -9.0, -0.1)]
    headers = {"X-Request-ID": "order-4711"}
    answers = [client.post("/predict", json=sent[0], headers=headers).get_json()]
    answers += client.post("/predict", json=sent[1:], headers=headers).get_json()
    client.post("/predict", json={})
    client.get("/health")
    lines.flush()
    log = told(capfd)
    assert [line.get("status") for line in log] == [200, None, 200, None, None, 422, 200]
    decided = [line for line in log if "transaction" in line]
    assert [line["transaction"] for line in decided] == sent
    assert [line["number"] for line in decided] == [0, 0, 1]
    for line, answer in zip(decided, answers, strict=True):
        assert (line["probability"], line["decision"]) == (answer["probability"], answer["decision"])
        assert (line["id"], line["time"][:2]) == ("order-4711", "20")


def test_the_log_can_be_left_out(
    bundle_folder: Path, blog_transaction: dict[str, float], capfd: pytest.CaptureFixture[str]
) -> None:
    client = Client(create_server_app(Scorer(bundle_folder)))
    assert client.post("/predict", json=blog_transaction).status_code == 200
    assert told(capfd) == []
