import shutil
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks import wrk
from benchmarks.wrk import Load
from fraud.errors import UsageError

needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="no wrk on this machine")


@pytest.fixture
def serving():
    """A server that keeps what it was sent, and refuses what `refused` holds."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.sent.append((self.path, self.headers["Content-Type"], body))
            self.send_response(422 if body in server.refused else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.sent, server.refused = [], set()
        server.url = f"http://127.0.0.1:{server.server_port}/predict"
        threading.Thread(target=server.serve_forever).start()
        yield server
        server.shutdown()


@needs_wrk
def test_bodies_are_sent_in_their_order_over_and_over(serving, tmp_path):
    bodies = [b"one", b"2 lines\nof bytes \x00\xff", b"three"]
    load = wrk.send(serving.url, wrk.write(tmp_path / "bodies", bodies, "application/x-test"), 1, 1)
    assert {(path, kind) for path, kind, _ in serving.sent} == {("/predict", "application/x-test")}
    # wrk looks at the first itself, to see whether it can be sent.
    assert [body for *_, body in serving.sent[:7]] == [*bodies[1:], *bodies, *bodies[:2]]
    # One more may have been under way.
    assert 0 <= len(serving.sent) - load.requests <= 1
    assert 0 < load.percentile(50) <= load.percentile(99) < 1
    assert 0.9 < load.seconds < 5


@needs_wrk
def test_a_refusal_fails_the_load(serving, tmp_path):
    serving.refused.add(b"wrong")
    bodies = wrk.write(tmp_path / "bodies", [b"right", b"wrong"], "application/json")
    with pytest.raises(RuntimeError, match=r"of [\d,]+ requests [1-9][\d,]* were refused and 0 not answered"):
        wrk.send(serving.url, bodies, 2, 1)


@needs_wrk
def test_nobody_there_fails_the_load(serving, tmp_path):
    with pytest.raises(RuntimeError, match="wrk ended with 1"):
        wrk.send("http://127.0.0.1:1/", wrk.write(tmp_path / "bodies", [b""], "application/json"), 1, 1)


def test_percentiles_are_those_of_all_that_was_seen():
    first, second = Load(3, 1.0, Counter({100: 2, 300: 1})), Load(97, 1.0, Counter({200: 96, 9_000: 1}))
    both = first + second
    assert (both.requests, both.rate) == (100, 50)
    assert [both.percentile(percent) for percent in (1, 2, 50, 98, 99, 100)] == [1e-4, 1e-4, 2e-4, 2e-4, 3e-4, 9e-3]
    each = Load(1_000, 1.0, Counter(range(1, 1_001)))
    assert [each.percentile(percent) for percent in (50, 99)] == [500e-6, 990e-6]


def test_a_machine_without_wrk_is_told_which_package(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="apt-get install wrk"):
        wrk.require()
