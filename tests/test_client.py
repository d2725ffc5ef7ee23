"""The client against the real application on a real socket, and against things that are no such API."""

import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import islice, repeat
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from fraud import schema
from fraud.api.app import create_app
from fraud.api.model import MOST_TRANSACTIONS
from fraud.client import MOST_AT_ONCE, Client, ModelName, Prediction, Refused, Unreachable
from fraud.connection import Connection
from fraud.scorer import Scorer

ROOT = Path(__file__).parents[1]


class Quiet(WSGIRequestHandler):
    """Logs nothing."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None: ...


@pytest.fixture(scope="module")
def url(bundle_folder: Path) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, create_app(Scorer(bundle_folder)), threaded=True, request_handler=Quiet)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def answering(*answers: bytes, requests: list[str] | None = None) -> Iterator[str]:
    """A server that accepts one connection for each answer, reads a request, sends the answer and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for answer in answers:
                connection, _ = listening.accept()
                with connection, connection.makefile("rb") as sent:
                    head = ""
                    while (line := sent.readline().decode()).strip():
                        head += line
                    length = re.search(r"Content-Length: ([0-9]+)", head)
                    body = sent.read(int(length[1]) if length else 0).decode()
                    if requests is not None:
                        requests.append(head + body)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join(10)


def reply(body: bytes, status: bytes = b"200 OK", head: bytes = b"") -> bytes:
    """An answer that promises to keep the connection open."""
    return b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s" % (status, head, len(body), body)


ONE = b"""{"prediction": 0, "probability": 0.25, "decision": "approve", "threshold": 0.5,
  "model": {"version": "m-1", "digest": "1"}, "warnings": [], "reasons": []}"""
ANSWER = b"[%s]" % ONE


def busy(retry_after: str | None = None, status: bytes = b"503 Service Unavailable") -> bytes:
    head = b"" if retry_after is None else f"Retry-After: {retry_after}\r\n".encode()
    return reply(b'{"title": "Busy", "status": %s}' % status[:3], status, head)


def test_a_prediction_is_typed(url: str, bundle_folder: Path, blog_transaction: dict[str, float]) -> None:
    manifest = Scorer(bundle_folder).manifest
    with Client(url) as client:
        answer = client.predict(blog_transaction | {"V14": -9.0})
    assert isinstance(answer, Prediction)
    assert (answer.prediction, answer.decision, answer.threshold) == (1, "decline", 0.9)
    assert answer.probability > 0.9
    assert answer.model == ModelName(manifest.version, manifest.digest)
    assert answer.warnings[0].feature == "Time"
    assert (answer.reasons[0].feature, answer.reasons[0].value) == ("V14", -9.0)
    assert answer.reasons[0].contribution > 0


def test_the_health_check_of_the_image_asks_the_port_that_is_served(url: str) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
    (command,) = re.findall(r"^HEALTHCHECK .*?CMD (\[.*\])$", dockerfile, re.MULTILINE)
    asked = [sys.executable, *json.loads(command)[1:]]
    for port, code in ((url.rpartition(":")[2], 0), ("9", 1)):
        done = subprocess.run(asked, cwd=ROOT, env={"FRAUD_PORT": port}, capture_output=True, check=False)
        assert done.returncode == code, done.stderr


def test_a_refusal_names_every_fault(url: str, blog_transaction: dict[str, float]) -> None:
    with Client(url) as client, pytest.raises(Refused, match=r"/Amount: give at least 0.*; /Class: remove") as raised:
        client.predict(blog_transaction | {"Amount": -1.0, "Class": 1.0})
    assert raised.value.status == 422
    assert [error["pointer"] for error in raised.value.errors] == ["/Amount", "/Class"]


def test_a_refusal_leaves_the_connection_usable(url: str, blog_transaction: dict[str, float]) -> None:
    with Client(url) as client:
        with pytest.raises(Refused):
            client.predict({})
        assert client.predict(blog_transaction).decision == "approve"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_lacks_is_not_sent(url: str, blog_transaction: dict[str, float], value: float) -> None:
    with Client(url) as client, pytest.raises(ValueError, match="JSON compliant"):
        client.predict(blog_transaction | {"V1": value})


@pytest.mark.parametrize("wrong", ["127.0.0.1:8000", "ftp://127.0.0.1", "http://", "", "http://host:port"])
def test_a_wrong_address_is_refused_at_once(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"address of an API|Port could not"):
        Client(wrong)


def test_nobody_there_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}") as client, pytest.raises(Unreachable, match=f"{port}/health.*refused"):
        client.health()


def test_a_server_that_says_nothing_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with Client(address, timeout=0.2) as client, pytest.raises(Unreachable, match="timed out"):
            client.health()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"hello\r\n\r\n",
        reply(b"<html>"),
        reply(b"[1, 2]"),
        reply(b"{}"),
        reply(b'{"prediction": 1, "probability": 1.0, "decision": "review", "threshold": 0.5, "model": 3}'),
        reply(b"\xff\xfe"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
    ],
)
def test_another_server_in_its_place_is_noticed(answer: bytes) -> None:
    with answering(answer) as address, Client(address) as client, pytest.raises(Unreachable, match="answer"):
        client.predict({"Time": 1.0})


def test_a_connection_that_was_closed_meanwhile_is_opened_again() -> None:
    answers = reply(b'{"status": "ok"}'), reply(b'{"status": "ok", "again": true}')
    with answering(*answers) as address, Client(address) as client:
        assert client.health() == {"status": "ok"}
        assert client.health() == {"status": "ok", "again": True}


def test_a_refusal_that_comes_before_the_body_is_sent_is_read() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def refuse() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1_000)
                connection.sendall(reply(b'{"detail": "No key."}', b"401 Unauthorized"))

        threading.Thread(target=refuse, daemon=True).start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with closing(Connection(url, 5, None)) as connection, pytest.raises(Refused, match="401: No key"):
            connection.ask("POST", "/predict", bytes(50_000_000))


def test_a_problem_without_details_is_still_a_refusal() -> None:
    body = b'{"type": "about:blank", "title": "Internal Server Error", "status": 500, "id": "1f"}'
    answer = reply(body, b"500 x")
    with answering(answer) as address, Client(address) as client, pytest.raises(Refused, match="500: Internal Server"):
        client.health()


HTML = b"<html><body><h1>nginx</h1></body></html>"


@pytest.mark.parametrize(
    "body", [HTML, b"", b"\xff", b"[1]", b'"no"', b"{}", b'{"errors": 1}', b'{"errors": ["no"]}', b'{"errors": [{}]}']
)
def test_a_refusal_of_what_stands_before_the_api_is_one_too(body: bytes) -> None:
    answer = reply(body, b"413 Request Entity Too Large", b"Retry-After: 30\r\n")
    with answering(answer) as address, Client(address) as client, pytest.raises(Refused) as raised:
        client.predict({})
    refused = raised.value
    assert str(refused) == "413: Request Entity Too Large"
    assert (refused.status, refused.errors, refused.retry_after) == (413, [], 30)


def test_a_key_and_an_id_are_sent_and_the_id_comes_back() -> None:
    requests: list[str] = []
    told = b"X-Request-ID: of-the-server\r\n"
    answers = reply(ONE), reply(ONE, head=told)
    with answering(*answers, requests=requests) as address, Client(address, key="s3cret~/+=") as client:
        assert client.predict({}, request_id="mine", reasons="always").request_id == "mine"
        assert client.predict({}).request_id == "of-the-server"
    first, second = requests
    assert first.startswith("POST /predict?reasons=always HTTP/1.1\r\n")
    assert "Authorization: Bearer s3cret~/+=\r\n" in first
    assert "X-Request-ID: mine\r\n" in first
    assert re.search(r"X-Request-ID: [0-9a-f]{32}\r\n", second)


@pytest.mark.parametrize("wrong", ["", "two words", "line\r\nHost: x", "ä"])
def test_what_may_not_stand_in_a_header_is_refused_without_repeating_it(wrong: str) -> None:
    with pytest.raises(ValueError, match="the key has other characters") as raised:
        Client("http://127.0.0.1:1", key=wrong)
    assert not wrong or wrong not in str(raised.value)


@pytest.mark.parametrize("batch", [1, 7, 25, 10_000])
def test_many_are_answered_in_order_as_one_is(url: str, blog_transaction: dict[str, float], batch: int) -> None:
    sent = [blog_transaction | {"V14": float(v14)} for v14 in np.linspace(2, -8, 25)]
    with Client(url) as client:
        answers = list(client.predict_many(sent, batch=batch, request_id="night"))
        alone = [client.predict(one) for one in sent]
    assert [answer.decision for answer in answers] == [answer.decision for answer in alone]
    assert [answer.probability for answer in answers] == pytest.approx([one.probability for one in alone], abs=1e-6)
    assert [answer.request_id for answer in answers] == [f"night/{place // batch}" for place in range(25)]
    assert {answer.decision for answer in answers} == {"approve", "review", "decline"}
    assert {len(answer.reasons) for answer in answers if answer.prediction} == {3}


@pytest.mark.parametrize("kind", ["float64", "float32", "int32"])
def test_rows_of_an_array_are_taken_in_the_schemas_order(url: str, bundle_folder: Path, kind: str) -> None:
    rows = (np.random.default_rng(1).normal(size=(50, len(schema.FEATURES))) ** 2).astype(kind)
    named = [dict(zip(schema.FEATURES, row, strict=True)) for row in rows]
    expected = Scorer(bundle_folder).score(rows).probability.tolist()
    with Client(url) as client:
        for sent in (rows, named):
            assert [answer.probability for answer in client.predict_many(sent)] == expected


def test_a_row_of_a_table_is_taken_by_name(url: str, blog_transaction: dict[str, float]) -> None:
    table = pd.DataFrame([blog_transaction | {"V14": -9.0}])[list(reversed(schema.FEATURES))]
    with Client(url) as client:
        assert client.predict(table.iloc[0]).reasons[0].value == -9.0


def test_nothing_is_answered_with_nothing(url: str) -> None:
    with Client(url) as client:
        assert list(client.predict_many([])) == []


def test_a_batch_is_as_many_as_the_api_takes() -> None:
    assert MOST_AT_ONCE == MOST_TRANSACTIONS


def test_no_more_than_a_batch_is_taken_at_once(url: str, blog_transaction: dict[str, float]) -> None:
    taken = 0

    def endless() -> Iterator[dict[str, float]]:
        nonlocal taken
        for one in repeat(blog_transaction):
            taken += 1
            yield one

    with Client(url) as client:
        assert len(list(islice(client.predict_many(endless(), batch=10), 25))) == 25
    assert taken == 30


def test_a_refusal_among_many_counts_from_the_first_of_all(url: str, blog_transaction: dict[str, float]) -> None:
    sent = [blog_transaction] * 12 + [blog_transaction | {"Amount": -1.0}, blog_transaction | {"Class": 0.0}]
    with Client(url) as client:
        answers = client.predict_many(sent, batch=5)
        assert len(list(islice(answers, 10))) == 10
        with pytest.raises(Refused, match=r"/12/Amount: give at least 0.*; /13/Class: remove") as raised:
            next(answers)
    assert [error["pointer"] for error in raised.value.errors] == ["/12/Amount", "/13/Class"]


def test_what_can_not_be_sent_is_named(url: str, blog_transaction: dict[str, float]) -> None:
    with Client(url) as client:
        with pytest.raises(ValueError, match=r"transaction 3: .*JSON compliant"):
            list(client.predict_many([blog_transaction] * 3 + [blog_transaction | {"V1": float("nan")}], batch=2))
        with pytest.raises(ValueError, match="transaction 1 has 29 values: give 30"):
            list(client.predict_many([[1.0] * 30, [1.0] * 29]))
        for wrong in ({"batch": 0}, {"batch": 10_001}, {"attempts": 0}):
            with pytest.raises(ValueError, match="give"):
                client.predict_many([], **wrong)


BUSY = [b"503 Service Unavailable", b"429 Too Many Requests", b"502 Bad Gateway", b"504 Gateway Timeout"]


@pytest.mark.parametrize("status", BUSY)
def test_many_wait_as_long_as_they_are_told(status: bytes) -> None:
    requests: list[str] = []
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=3), usegmt=True)
    start = time.monotonic()
    answers = busy("1", status), busy(later, status), reply(ANSWER)
    with answering(*answers, requests=requests) as address, Client(address) as client:
        [answer] = client.predict_many([{}], request_id="again")
    # A date has no fractions of seconds.
    assert 2 < time.monotonic() - start < 10
    assert answer.request_id == "again/0"
    assert all("X-Request-ID: again/0\r\n" in request for request in requests)
    assert [request.endswith("[{}]") for request in requests] == [True] * 3


@pytest.mark.parametrize("status", BUSY)
def test_many_wait_as_long_as_what_stands_before_the_api_tells_them(status: bytes) -> None:
    start = time.monotonic()
    page = reply(HTML, status, b"Content-Type: text/html\r\nRetry-After: 1\r\n")
    with answering(page, reply(ANSWER)) as address, Client(address) as client:
        assert len(list(client.predict_many([{}]))) == 1
    assert time.monotonic() - start > 1


def test_many_survive_connections_that_break() -> None:
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[{"
    with answering(b"", cut, busy(), busy("soon"), reply(ANSWER)) as address, Client(address) as client:
        assert [answer.decision for answer in client.predict_many([{}])] == ["approve"]


def test_many_survive_a_server_that_is_too_slow() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            slow, _ = listening.accept()
            connection, _ = listening.accept()
            with slow, connection:
                connection.recv(65_536)
                connection.sendall(reply(ANSWER))
                connection.recv(1)

        threading.Thread(target=serve, daemon=True).start()
        with Client(f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=0.3) as client:
            assert len(list(client.predict_many([{}]))) == 1


def test_attempts_are_bounded() -> None:
    requests: list[str] = []
    served = answering(busy(), busy(), busy(), requests=requests)
    with served as address, Client(address) as client, pytest.raises(Refused, match="503: Busy"):
        list(client.predict_many([{}], attempts=3))
    assert len(requests) == 3


def test_patience_is_bounded() -> None:
    with answering(busy("3600")) as address, Client(address) as client:
        start = time.monotonic()
        with pytest.raises(Refused) as raised:
            list(client.predict_many([{}]))
        assert time.monotonic() - start < 5
    assert raised.value.retry_after == 3_600


def test_nobody_there_is_said_after_some_attempts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}") as client, pytest.raises(Unreachable, match="refused"):
        list(client.predict_many([{}], attempts=3))


@pytest.mark.parametrize("status", [b"401 Unauthorized", b"413 Too Large", b"422 Unprocessable", b"500 Bug"])
def test_what_waiting_does_not_mend_is_not_asked_again(status: bytes) -> None:
    requests: list[str] = []
    with answering(busy("0", status), reply(ANSWER), requests=requests) as address, Client(address) as client:
        with pytest.raises(Refused):
            list(client.predict_many([{}]))
        assert len(requests) == 1
        client.predict({})


def test_what_stands_before_the_api_and_takes_no_such_body_is_asked_once() -> None:
    requests: list[str] = []
    page = reply(HTML, b"413 Request Entity Too Large")
    with answering(page, reply(ANSWER), requests=requests) as address, Client(address) as client:
        with pytest.raises(Refused, match="413: Request Entity Too Large"):
            list(client.predict_many([{}]))
        assert len(requests) == 1
        client.predict({})


def test_one_is_asked_once() -> None:
    with answering(busy("0"), reply(ANSWER)) as address, Client(address) as client:
        with pytest.raises(Refused) as raised:
            client.predict({})
        assert raised.value.retry_after == 0
        client.predict({})


def test_too_few_answers_are_noticed() -> None:
    with (
        answering(reply(ANSWER)) as address,
        Client(address) as client,
        pytest.raises(Unreachable, match="1 answers to 2"),
    ):
        list(client.predict_many([{}, {}], attempts=1))
