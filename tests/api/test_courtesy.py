"""Long lists make way for short requests, and are answered as they are without them."""

import json
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import Client

from fraud.api import courtesy
from fraud.api.courtesy import COURTESY, Courtesy
from fraud.api.lane import Lane
from fraud.api.overload import Overload

COUNTS = [0, 1, 49, 50, 51, 100, 1234]


class Clock:
    """The time, and how often it was slept."""

    def __init__(self) -> None:
        self.now, self.pauses = 100.0, 0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.pauses += 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(courtesy, "time", clock)
    return clock


@pytest.mark.parametrize("count", COUNTS)
def test_while_nobody_asks_all_is_computed_at_once(clock: Clock, count: int) -> None:
    assert [*Courtesy().pieces(count)] == [slice(0, count)]
    assert clock.pauses == 0


@pytest.mark.parametrize("count", COUNTS)
def test_while_somebody_asks_there_is_a_pause_before_each_piece(clock: Clock, count: int) -> None:
    courtesy = Courtesy()
    courtesy.asked()
    rows = list(range(count))
    pieces = [rows[piece] for piece in courtesy.pieces(count)]
    assert [row for piece in pieces for row in piece] == rows
    assert max(map(len, pieces)) <= 50
    assert clock.pauses == (len(pieces) if count > 50 else 0)


def test_it_lasts_half_a_second(clock: Clock) -> None:
    courtesy = Courtesy()
    courtesy.asked()
    clock.now += 0.4
    assert courtesy.needed()
    clock.now += 0.2
    assert not courtesy.needed()
    courtesy.asked()
    assert courtesy.needed()


def test_short_requests_are_told_of_and_long_lists_are_not() -> None:
    seen = []

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "POST":
            environ["wsgi.input"].read(100_000)
        seen.append(environ[COURTESY].needed())
        start_response("200 OK", [])
        return (b"",)

    client = Client(Overload(application))
    client.post("/predict", data=b"x" * 20_000)
    client.post("/predict", data=b"x")
    client.post("/predict", data=b"x" * 20_000)
    assert seen == [False, True, True]
    client = Client(Overload(application))
    client.get("/model")
    assert seen[-1]


@pytest.mark.parametrize("media_type", ["application/json", "application/x-ndjson"])
@pytest.mark.parametrize("path", ["/predict", "/predict?reasons=always"])
def test_answers_are_the_same_to_the_byte(
    app: Flask, blog_transaction: dict[str, float], monkeypatch: pytest.MonkeyPatch, media_type: str, path: str
) -> None:
    sent = [json.dumps(blog_transaction | {"V14": 2 - row / 10, "Time": -row}) for row in range(120)]
    text = f"[{','.join(sent)}]" if media_type == "application/json" else "\n".join(sent)
    client, asked = Client(Lane(app)), Courtesy()
    asked.asked()
    alone = client.post(path, data=text, content_type=media_type)
    assert alone.status_code == 200
    assert b'"reasons":[{' in alone.data
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    beside = client.post(path, data=text, content_type=media_type, environ_overrides={COURTESY: asked})
    assert beside.data == alone.data
    # Before each of three pieces that are read, and of as many that are answered; reasons have pieces of their own.
    assert len(pauses) >= 6
