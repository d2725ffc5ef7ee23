"""The client against the real application on a real socket, and against things that are no such API."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from fraud.api.app import create_app
from fraud.client import Client, ModelName, Prediction, Refused, Unreachable
from fraud.scorer import Scorer


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
def answering(*answers: bytes) -> Iterator[str]:
    """A server that accepts one connection for each answer, reads a request, sends the answer and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for answer in answers:
                connection, _ = listening.accept()
                with connection:
                    connection.recv(65_536)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join(10)


def reply(body: bytes, status: bytes = b"200 OK") -> bytes:
    """An answer that promises to keep the connection open."""
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


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


def test_a_problem_without_details_is_still_a_refusal() -> None:
    body = b'{"type": "about:blank", "title": "Internal Server Error", "status": 500, "id": "1f"}'
    answer = reply(body, b"500 x")
    with answering(answer) as address, Client(address) as client, pytest.raises(Refused, match="500: Internal Server"):
        client.health()
