"""A server that is asked more than it can answer, or more often than it may be: by real sockets."""

import json
import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest

from fraud.api.overload import PLACES
from fraud.api.predict import MOST_BYTES
from tests.e2e.serving import free_port, serving, start

HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


@pytest.fixture
def body(blog_transaction: dict[str, float]) -> bytes:
    return json.dumps(blog_transaction).encode()


def ask(port: int, body: bytes) -> tuple[int, str | None]:
    """The status of the answer, and when to ask again."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        # A refusal may come, and the connection be closed, before all is sent.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
        return response.status, response.headers["Retry-After"]


def status(port: int, address: str) -> int:
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request("GET", address)
        return connection.getresponse().status


def test_clients_whose_bodies_do_not_arrive_hold_nobody_up_until_there_is_no_place_left(
    bundle_folder: Path, body: bytes
) -> None:
    with serving(bundle_folder.parent, FRAUD_ACCESS_LOG="false") as running:
        with ExitStack() as stack:

            def stall() -> None:
                sending = stack.enter_context(socket.create_connection(("127.0.0.1", running.port), timeout=30))
                sending.sendall(HEAD % len(body) + body[:10])

            for _ in range(PLACES - 1):
                stall()
            # In the last place, one after the other.
            assert [ask(running.port, body) for _ in range(5)] == [(200, None)] * 5
            deadline = time.monotonic() + 30
            stall()
            while ask(running.port, body)[0] != 503:
                assert time.monotonic() < deadline, "nothing is refused"
                # The one who came later may have had the last place, and the one who stalls been refused.
                stall()
            assert ask(running.port, body) == (503, "1")
            assert [status(running.port, address) for address in ("/health", "/ready", "/model")] == [200, 200, 503]
        deadline = time.monotonic() + 30
        while ask(running.port, body) != (200, None):
            assert time.monotonic() < deadline, "the places of those who are gone are not free"
        assert running.stop() == 0


def test_bodies_that_are_announced_and_do_not_arrive_take_no_room(bundle_folder: Path, body: bytes) -> None:
    with serving(bundle_folder.parent, FRAUD_ACCESS_LOG="false") as running, ExitStack() as stack:
        for _ in range(20):
            sending = stack.enter_context(socket.create_connection(("127.0.0.1", running.port), timeout=30))
            sending.sendall(HEAD % MOST_BYTES + b"[")
        assert [ask(running.port, body) for _ in range(5)] == [(200, None)] * 5


def test_what_can_not_be_answered_in_time_is_refused_in_time(
    bundle_folder: Path, blog_transaction: dict[str, float]
) -> None:
    # So many that all of them take longer than one may wait, and so small that there is room for all of their bodies.
    most = json.dumps([blog_transaction] * 2_500).encode()
    callers = 80
    with serving(bundle_folder.parent) as running, ThreadPoolExecutor(callers) as threads:
        began = time.monotonic()
        assert ask(running.port, most) == (200, None)
        alone = time.monotonic() - began
        began = time.monotonic()
        answers = Counter(threads.map(lambda _: ask(running.port, most), range(callers)))
        took = time.monotonic() - began
        assert status(running.port, "/health") == 200
    print(answers, f"{alone:.2f} s alone, {took:.2f} s all")
    assert set(answers) == {(200, None), (503, "1")}
    assert answers[200, None] >= 3
    # Each of them had its turn within a second, or none.
    assert took < 3 + 8 * alone


def test_all_workers_together_let_nobody_ask_more_often_than_the_limit(bundle_folder: Path, body: bytes) -> None:
    with serving(bundle_folder.parent, workers=2, FRAUD_RATE_LIMIT="20/day") as running:
        # The kernel deals connections to workers, once both of them serve.
        deadline = time.monotonic() + 30
        passed = 0
        while passed < 20:
            assert time.monotonic() < deadline, f"only {passed} may pass"
            passed += ask(running.port, body)[0] == 200
        refused = [ask(running.port, body) for _ in range(40)]
        assert status(running.port, "/health") == 200
    assert {status for status, _ in refused} == {429}
    # One more comes back in a tenth of a day, to each share.
    assert all(8_000 < int(after) <= 8_640 for _, after in refused if after)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"FRAUD_RATE_LIMIT": "1/second"}, "FRAUD_RATE_LIMIT=1/second is less than one for each of 2 workers"),
        ({"FRAUD_RATE_STORE": "redis://here"}, "FRAUD_RATE_STORE has nothing to count: set FRAUD_RATE_LIMIT"),
    ],
)
def test_a_limit_that_can_not_be_used_is_said(bundle_folder: Path, settings: dict[str, str], told: str) -> None:
    process = start(bundle_folder.parent, free_port(), workers=2, **settings)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert told in errors
    assert errors.count("\n") == 1
