"""A bundle is exchanged under load: no request fails, none mixes two models, and a bad bundle changes nothing."""

import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from fraud import bundle, promote, schema
from fraud.api import verdict
from fraud.api.verdict import Verdict
from fraud.scorer import Scorer
from tests.e2e.serving import IN_JSON, Served, serving, wait_until_it_answers

WORKERS = 2

# Seconds within which every worker has noticed.
NOTICED = 5

VERDICT = Verdict(verdict="pass", sentence="It may ship.", gates=())


@pytest.fixture
def link(tmp_path: Path, write_bundle: Callable) -> Path:
    """A link to the first of two bundles, whose answers differ."""
    for name, intercept in (("first", 0), ("second", 1)):
        write_bundle(tmp_path / "made" / name, intercept)
    promote.run(tmp_path / "made" / "first", tmp_path / "served", ungated=True)
    return tmp_path / "served"


@pytest.fixture
def served(link: Path) -> Iterator[Served]:
    # Nobody reads the log, and a pipe that is full would hold the workers up.
    with serving(link.parent / "no build", WORKERS, FRAUD_BUNDLE=str(link), FRAUD_ACCESS_LOG="false") as running:
        yield running


class Load:
    """Clients that ask without pause and never twice, one connection each: the kernel deals them to all workers."""

    def __init__(self) -> None:
        self.answers: list[tuple[float, dict[str, Any]]] = []
        self._stopped = threading.Event()

    def ask(self, port: int, transaction: dict[str, float]) -> None:
        with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            while not self._stopped.is_set():
                began = time.monotonic()
                connection.request("POST", "/predict", json.dumps(transaction), IN_JSON)
                with connection.getresponse() as response:
                    assert response.status == 200
                    self.answers.append((began, json.loads(response.read())))

    def digests(self, when: Callable[[float], bool] = lambda _: True) -> set[str]:
        """Of the models that answered what was asked at such a time."""
        return {answer["model"]["digest"] for began, answer in self.answers if when(began)}

    def stop(self) -> None:
        self._stopped.set()


@contextmanager
def load(served: Served, transaction: dict[str, float], clients: int = 8) -> Iterator[Load]:
    """Raises what any of its requests failed with."""
    asking = Load()
    with ThreadPoolExecutor(clients) as threads:
        asked = [threads.submit(asking.ask, served.port, transaction) for _ in range(clients)]
        try:
            yield asking
        finally:
            asking.stop()
    for future in asked:
        future.result()


def get(served: Served, address: str) -> str:
    """Over a connection of its own, so that each worker answers some of them."""
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=10)) as connection:
        connection.request("GET", address)
        response = connection.getresponse()
        assert response.status == 200
        return response.read().decode()


def counted(served: Served) -> dict[str, float]:
    found = re.findall(r"^([^#\n]+) (\S+)$", get(served, "/metrics"), re.MULTILINE)
    return {name: float(value) for name, value in found}


def ready(served: Served) -> list[dict[str, str]]:
    return [json.loads(get(served, "/ready")) for _ in range(20)]


def gates(served: Served) -> list[dict[str, Any] | None]:
    return [json.loads(get(served, "/model"))["gates"] for _ in range(20)]


def wait_until(met: Callable[[], bool], within: float = NOTICED) -> None:
    deadline = time.monotonic() + within
    while not met():
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(0.1)


def test_a_good_bundle_takes_over_and_a_bad_one_does_not(
    served: Served, link: Path, blog_transaction: dict[str, float]
) -> None:
    made = link.parent / "made"
    row = [[blog_transaction[name] for name in schema.FEATURES]]
    scorers = [Scorer(made / name) for name in ("first", "second")]
    first, second = (scorer.manifest for scorer in scorers)
    expected = {scorer.manifest.digest: scorer.probability(row)[0] for scorer in scorers}
    assert len(set(expected.values())) == 2
    verdict.write(made / "second", second.digest, VERDICT)

    with load(served, blog_transaction) as asking:
        time.sleep(0.5)
        promote.run(made / "second", link)
        promoted = time.monotonic()
        wait_until(lambda: counted(served).get(f'fraud_workers{{model="{second.version}"}}') == WORKERS)
        noticed = time.monotonic()
        time.sleep(0.5)
    assert all(answer["probability"] == expected[answer["model"]["digest"]] for _, answer in asking.answers)
    assert first.digest in asking.digests(lambda began: began < promoted)
    assert asking.digests(lambda began: began > noticed) == {second.digest}
    assert counted(served)[f'fraud_workers{{model="{first.version}"}}'] == 0
    assert all(answer == {"status": "ready", "model": second.version} for answer in ready(served))
    assert all(answer == VERDICT.model_dump(mode="json") for answer in gates(served))

    spoiled = link.parent / "spoiled"
    bundle.write(spoiled, b"no graph", first)
    with load(served, blog_transaction) as asking:
        (link.parent / "new").symlink_to("spoiled")
        (link.parent / "new").replace(link)
        wait_until(lambda: counted(served)["fraud_workers_refusing"] == WORKERS)
        time.sleep(0.5)
    assert asking.digests() == {second.digest}
    assert counted(served)['fraud_bundle_reloads_total{outcome="refused"}'] == WORKERS
    for answer in ready(served):
        assert answer["model"] == second.version
        assert answer["refused"].startswith("spoiled/model.onnx can't be run")

    # What they serve is damaged where it lies, too.
    (link.parent / second.version / bundle.MODEL).write_bytes(b"")
    killed, _ = served.workers()
    os.kill(killed, signal.SIGKILL)
    # A worker has to start, too.
    wait_until(lambda: killed not in served.workers() and len(served.workers()) == WORKERS, within=30)
    wait_until_it_answers(served)
    wait_until(lambda: counted(served)["fraud_workers_refusing"] == WORKERS, within=30)
    assert {answer["model"] for answer in ready(served)} == {second.version}
    assert all(answer == VERDICT.model_dump(mode="json") for answer in gates(served))

    promote.run(link.parent / first.version, link, ungated=True)
    wait_until(lambda: counted(served)[f'fraud_workers{{model="{first.version}"}}'] == WORKERS)
    assert all(answer == {"status": "ready", "model": first.version} for answer in ready(served))
    assert served.stop() == 0
