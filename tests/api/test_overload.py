"""What a worker takes on at once, by real threads."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from fraud.api import problems
from fraud.api.overload import Overload
from fraud.api.problems import Refused

IN_PIECES = {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}


class Slow:
    """A WSGI application that reads its body and then works until it is told to stop, and a client of it."""

    def __init__(self, **sizes: Any) -> None:
        self.working: list[bytes] = []
        self.go_on = threading.Event()
        self._client = Client(Overload(self._answer, **sizes))
        self.answers: dict[bytes, int] = {}
        self._threads: list[threading.Thread] = []

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            body = environ["wsgi.input"].read(100_000) if environ["REQUEST_METHOD"] == "POST" else b""
        except Refused as refused:
            return refused.reply(environ).send(environ, start_response)
        if body == b"bug":
            raise RuntimeError
        self.working.append(body)
        if body:
            assert self.go_on.wait(30)
        start_response("200 OK", [])
        return (b"",)

    def ask(self, body: bytes) -> TestResponse:
        return self._client.post("/predict", data=body)

    def ask_in_pieces(self, body: bytes) -> TestResponse:
        return self._client.post("/predict", data=body, environ_overrides=IN_PIECES)

    def get(self, address: str) -> TestResponse:
        return self._client.get(address)

    def begin(self, body: bytes, stream: Any = None) -> None:
        """Ask in a thread of its own."""

        def run() -> None:
            overrides = {} if stream is None else {"wsgi.input": stream}
            response = self._client.post("/predict", data=body, environ_overrides=overrides)
            self.answers[body] = response.status_code

        self._threads.append(threading.Thread(target=run))
        self._threads[-1].start()

    def end(self) -> None:
        self.go_on.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()


class Arriving:
    """The body of a client that sends nothing until it is told to."""

    def __init__(self) -> None:
        self.asked, self.arrive = threading.Event(), threading.Event()
        self._left = b"late"

    def read(self, size: int) -> bytes:
        self.asked.set()
        assert self.arrive.wait(30)
        piece, self._left = self._left[:size], self._left[size:]
        return piece


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def waiting(slow: Slow) -> int:
    return len(slow._client.application._turns._waiting)


def test_what_is_beyond_its_places_is_refused_at_once_but_not_what_an_orchestrator_asks() -> None:
    slow = Slow(places=2, turns=2)
    slow.begin(b"one")
    slow.begin(b"two")
    until(lambda: len(slow.working) == 2)
    refused = slow.ask(b"three")
    assert (refused.status_code, refused.mimetype) == (503, problems.MEDIA_TYPE)
    assert refused.headers["Retry-After"] == "1"
    assert json.loads(refused.data)["title"] == "Service Unavailable"
    assert slow.get("/model").status_code == 503
    assert [slow.get(address).status_code for address in ("/health", "/ready")] == [200, 200]
    slow.end()
    assert slow.answers == {b"one": 200, b"two": 200}
    # The places are free again, after as many bugs and refusals, too.
    for _ in range(3):
        with pytest.raises(RuntimeError):
            slow.ask(b"bug")
    assert [slow.ask(b"x").status_code for _ in range(3)] == [200] * 3


def test_bodies_have_so_many_bytes_together() -> None:
    slow = Slow(bodies=10)
    slow.begin(b"12345678")
    until(lambda: len(slow.working) == 1)
    assert slow.ask(b"123").status_code == 503
    assert slow.ask_in_pieces(b"123").status_code == 503
    slow.begin(b"12")
    until(lambda: len(slow.working) == 2)
    slow.end()
    assert slow.answers == {b"12345678": 200, b"12": 200}
    assert slow.ask(b"1234567890").status_code == 200


def test_so_many_are_computed_at_once_and_the_others_in_the_order_in_which_they_came() -> None:
    slow = Slow(turns=1, patience=30)
    bodies = [b"%d" % number for number in range(5)]
    for number, body in enumerate(bodies):
        slow.begin(body)
        until(lambda number=number: len(slow.working) == 1 and waiting(slow) == number)
    assert slow.working == bodies[:1]
    slow.end()
    assert slow.working == bodies
    assert set(slow.answers.values()) == {200}


def test_whose_turn_does_not_come_in_time_is_refused() -> None:
    slow = Slow(turns=1, patience=0.2)
    slow.begin(b"one")
    until(lambda: len(slow.working) == 1)
    began = time.monotonic()
    refused = slow.ask(b"two")
    assert 0.2 <= time.monotonic() - began < 5
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert waiting(slow) == 0
    slow.end()
    assert [slow.ask(b"x").status_code for _ in range(3)] == [200] * 3


LONG = b"l" * 16 * 1024


def test_a_long_body_keeps_no_short_one_waiting_and_lets_threads_change_often() -> None:
    slow = Slow(turns=1, turns_of_long=1, patience=0.2)
    usual = sys.getswitchinterval()
    slow.begin(LONG)
    until(lambda: slow.working == [LONG])
    assert sys.getswitchinterval() < usual / 10
    assert slow.ask(LONG + b"l").status_code == 503
    slow.begin(b"short")
    until(lambda: slow.working == [LONG, b"short"])
    assert slow.ask(LONG[1:]).status_code == 503
    slow.end()
    assert slow.answers == {LONG: 200, b"short": 200}
    assert sys.getswitchinterval() == usual
    assert slow.ask(LONG).status_code == 200


def test_what_has_no_body_takes_its_turn_at_once() -> None:
    slow = Slow(turns=1, patience=0.2)
    slow.begin(b"one")
    until(lambda: slow.working == [b"one"])
    assert slow.get("/metrics").status_code == 503
    assert slow.get("/health").status_code == 200
    slow.end()
    assert slow.get("/metrics").status_code == 200


def test_a_client_whose_body_has_not_arrived_holds_no_turn_and_no_room() -> None:
    slow = Slow(turns=1, bodies=5, patience=0.2)
    late = Arriving()
    slow.begin(b"late", late)
    assert late.asked.wait(30)
    slow.go_on.set()
    assert slow.ask(b"fast").status_code == 200
    late.arrive.set()
    slow.end()
    assert slow.working == [b"fast", b"late"]


def test_at_the_end_of_a_body_nobody_waits_for_a_second_turn() -> None:
    taken = []

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        assert [environ["wsgi.input"].read(10) for _ in range(3)] == [b"body", b"", b""]
        start_response("200 OK", [])
        return (b"",)

    overload = Overload(answer)
    take = overload._turns.take
    overload._turns.take = lambda: taken.append(take()) or taken[-1]
    assert Client(overload).post("/predict", data=b"body", environ_overrides=IN_PIECES).status_code == 200
    assert taken == [True]


def test_under_many_threads_no_turn_is_lost() -> None:
    slow = Slow(places=8, bodies=100, turns=2, patience=0.001)
    slow.go_on.set()

    def ask() -> None:
        for _ in range(200):
            assert slow.ask(b"x").status_code in (200, 503)

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    overload = slow._client.application
    assert (overload._turns._free, waiting(slow), overload._places.free, overload._bodies.free) == (2, 0, 8, 100)
