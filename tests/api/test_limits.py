"""How often each may ask: by key or by address, over a worker's share or a store."""

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
from limits.storage import MemoryStorage
from werkzeug.test import Client, TestResponse

from fraud.api import keys, limits
from fraud.api.app import create_server_app
from fraud.errors import UsageError
from fraud.scorer import Scorer


class Clock:
    def __init__(self) -> None:
        self.now = 1e6

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(limits, "monotonic", clock)
    return clock


def passed(limit: limits.Limit, client: str, times: int = 100) -> int:
    """How many of so many requests at once may pass."""
    return sum(limit.wait(client) == 0 for _ in range(times))


def test_each_may_ask_so_often_and_what_was_not_used_comes_back(clock: Clock) -> None:
    limit = limits.limit("10/minute", workers=1)
    assert [passed(limit, client) for client in ("till", "batch", "till")] == [10, 10, 0]
    assert limit.wait("till") == pytest.approx(6)
    clock.now += 5.9
    assert passed(limit, "till") == 0
    clock.now += 0.2
    assert passed(limit, "till") == 1
    clock.now += 18
    assert passed(limit, "till") == 3
    # No more than that, however long it was silent.
    clock.now += 1e5
    assert passed(limit, "till") == 10


def test_who_asks_evenly_gets_all_of_it(clock: Clock) -> None:
    limit = limits.limit("7/second", workers=1)
    assert passed(limit, "till", 7) == 7
    for _ in range(7_000):
        clock.now += 1 / 7
        assert limit.wait("till") == 0


@pytest.mark.parametrize(("rate", "workers"), [("10/minute", 1), ("10/minute", 3), ("10/second", 10), ("11/day", 2)])
def test_the_workers_shares_never_add_up_to_more(clock: Clock, rate: str, workers: int) -> None:
    shares = [passed(limits.limit(rate, workers), "till") for _ in range(workers)]
    assert min(shares) >= 1
    assert int(rate.partition("/")[0]) - workers < sum(shares) <= int(rate.partition("/")[0])


def test_a_limit_below_the_number_of_workers_is_said() -> None:
    with pytest.raises(UsageError, match="FRAUD_RATE_LIMIT=2/second is less than one for each of 3 workers"):
        limits.limit("2/second", workers=3)


def test_more_clients_than_are_told_apart_share_one_limit_and_no_memory(clock: Clock) -> None:
    limit = limits.Share(2, 60, most_clients=3)
    assert [passed(limit, f"10.0.0.{last}") for last in range(100)] == [2, 2, 2, 2, *[0] * 96]
    assert len(limit._due) == 4
    # Those who came first are still told apart; who may ask for all of it again is forgotten for somebody new.
    assert limit.wait("10.0.0.1") == pytest.approx(30)
    clock.now += 60
    assert passed(limit, "10.0.0.1") == 2
    assert passed(limit, "10.0.0.99") == 2
    assert sorted(limit._due) == ["10.0.0.1", "10.0.0.99"]


def test_rounding_refuses_nobody_who_asks_for_the_first_time(clock: Clock) -> None:
    for uptime in np.random.default_rng(0).uniform(1, 1e7, 3_000):
        clock.now = uptime
        assert limits.Share(1, 86_400).wait("till") == 0


def test_forgetting_frees_nobody(clock: Clock) -> None:
    limit = limits.Share(6, 60, most_clients=2)
    assert limit.wait("gone soon") == 0
    clock.now += 59
    assert passed(limit, "till") == 6
    clock.now += 2
    # There is room for somebody new only once somebody else is forgotten.
    assert limit.wait("new") == 0
    assert sorted(limit._due) == ["new", "till"]
    assert passed(limit, "till") == 0
    clock.now += 18
    assert passed(limit, "till") == 2


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
    ],
)
def test_an_address_of_ipv6_stands_for_its_network(bundle_folder: Path, one: str, other: str, same: bool) -> None:
    client = served(bundle_folder, limits.limit("1/day", workers=1))
    asked = [client.get("/model", environ_overrides={"REMOTE_ADDR": address}) for address in (one, other)]
    assert [response.status_code for response in asked] == [200, 429 if same else 200]


def served(bundle_folder: Path, limit: limits.Limit, api_keys: Path | None = None) -> Client:
    return Client(create_server_app(Scorer(bundle_folder), api_keys=api_keys, limit=limit))


def ask(client: Client, address: str, secret: str | None = None, **told: object) -> TestResponse:
    headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
    return client.open(address, headers=headers, environ_overrides={"REMOTE_ADDR": "10.0.0.1"}, **told)


def test_who_asks_too_often_is_told_when_to_ask_again(
    bundle_folder: Path, blog_transaction: dict[str, float], clock: Clock
) -> None:
    client = served(bundle_folder, limits.limit("2/minute", workers=1))
    # A list is one request.
    for sent in (blog_transaction, [blog_transaction] * 50):
        assert ask(client, "/predict", method="POST", json=sent).status_code == 200
    refused = ask(client, "/predict", method="POST", json=blog_transaction)
    assert (refused.status_code, refused.mimetype) == (429, "application/problem+json")
    assert refused.headers["Retry-After"] == "30"
    assert json.loads(refused.data)["title"] == "Too Many Requests"
    # Whole seconds, and at least one.
    clock.now += 29.8
    assert ask(client, "/model").headers["Retry-After"] == "1"
    for address in ("/health", "/ready"):
        assert ask(client, address).status_code == 200
    clock.now += 0.3
    assert ask(client, "/model").status_code == 200


def test_it_is_by_key_where_there_are_keys(bundle_folder: Path, tmp_path: Path) -> None:
    till, batch = (keys.add(tmp_path / "keys", name, None) for name in ("till", "batch"))
    client = served(bundle_folder, limits.limit("1/day", workers=1), tmp_path / "keys")
    statuses = [ask(client, "/model", secret).status_code for secret in (None, till, till, batch, batch, "wrong")]
    assert statuses == [401, 200, 429, 200, 429, 401]


def test_the_wall_clock_neither_revokes_nor_frees(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = Clock()
    monkeypatch.setattr(time, "time", wall)
    # A module of its own, whatever clock it binds when it is loaded.
    spec = spec_from_file_location("limits_by_the_wall_clock", limits.__file__)
    assert spec is not None
    assert spec.loader is not None
    loaded = module_from_spec(spec)
    spec.loader.exec_module(loaded)
    limit = loaded.limit("4/day", workers=1)
    for day, may in ((-400, 1), (-1, 1), (1, 1), (400, 1), (800, 0), (-800, 0)):
        wall.now = 1e9 + day * 86_400
        assert passed(limit, "till", 1) == may
        assert passed(limit, f"of day {day}") == 4


def test_a_store_counts_for_all() -> None:
    storage = MemoryStorage()
    try:
        one, other = (limits.Shared(storage, 10, "day", limits.Share(5, 86_400)) for _ in range(2))
        assert passed(one, "till", 6) == 6
        assert passed(other, "till") == 4
        assert 0 < one.wait("till") <= 86_400
        assert passed(other, "batch") == 10
    finally:
        storage.timer.join()


def test_while_the_store_does_not_answer_a_worker_enforces_its_share(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    # Connections are accepted, and nothing is answered.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        limit = limits.limit("10/day", 2, f"redis://:secret@127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        assert passed(limit, "till") == 5
        assert time.monotonic() - began < 1
        assert caplog.text.count("FRAUD_RATE_STORE does not answer") == 1
        clock.now += 6
        assert passed(limit, "till") == 0
        assert caplog.text.count("FRAUD_RATE_STORE does not answer") == 2
        assert "secret" not in caplog.text


@pytest.mark.parametrize("store", ["memory://", "redis:6379", "redis://:secret@here:port"])
def test_a_store_that_can_not_be_used_is_said_without_its_password(store: str) -> None:
    with pytest.raises(UsageError, match="FRAUD_RATE_STORE is not the address of a Redis") as told:
        limits.limit("10/day", 1, store)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("library", ["limits.storage", "redis"])
def test_a_library_that_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UsageError, match=r"pip install 'limits\[redis\]'"):
        limits.limit("10/day", 1, "redis://127.0.0.1")


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server on this machine")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        for _ in range(100):
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"redis://127.0.0.1:{port}"
        process.terminate()


def test_a_redis_counts_for_all(redis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = (limits.limit("10/day", workers=2, store=redis) for _ in range(2))
    assert (passed(one, "till", 6), passed(other, "till"), passed(other, "batch")) == (6, 4, 10)
    assert 0 < one.wait("till") <= 86_400
    # Its own clock counts, not that of a server.
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert passed(one, "till") == 0
    assert passed(one, "new") == 10
