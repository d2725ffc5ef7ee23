"""`python -m fraud serve` as a process: it starts, answers, refuses to start where it can't, and stops when told."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest

from fraud import bundle, schema
from fraud.api import server
from fraud.api.predict import MOST_BYTES
from fraud.client import Client, Unreachable
from fraud.errors import UsageError
from fraud.scorer import Scorer
from tests.e2e.serving import SOON, Served, free_port, serving, start, wait_until_it_answers


@pytest.fixture(scope="module")
def served(bundle_folder: Path) -> Iterator[Served]:
    with serving(bundle_folder.parent) as running:
        yield running


def test_the_client_gets_the_scorers_answer(
    served: Served, bundle_folder: Path, blog_transaction: dict[str, float]
) -> None:
    scores = Scorer(bundle_folder).score([[blog_transaction[name] for name in schema.FEATURES]])
    with Client(served.url) as client:
        answer = client.predict(blog_transaction)
    assert (answer.probability, answer.prediction) == (scores.probability[0], scores.prediction[0])


def test_a_connection_is_used_again(served: Served, blog_transaction: dict[str, float]) -> None:
    with Client(served.url) as client:
        client.predict(blog_transaction)
        first = client._connection._http.sock
        client.predict(blog_transaction)
        assert first is not None
        assert client._connection._http.sock is first


def test_the_blog_posts_curl_is_answered(served: Served, blog_transaction: dict[str, float]) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl on this machine")
    command = ["curl", "-sS", "--noproxy", "*", "-w", " %{http_code}", "-X", "POST"]
    command += ["-H", "Content-Type: application/json", "-d", json.dumps(blog_transaction), f"{served.url}/predict"]
    body, _, status = subprocess.run(command, capture_output=True, text=True, check=True).stdout.rpartition(" ")
    assert status == "200"
    assert json.loads(body)["prediction"] in (0, 1)


def test_a_body_above_the_limit_is_refused_before_it_is_sent(served: Served) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as sending:
        sending.sendall(head % (MOST_BYTES + 1))
        assert sending.recv(65_536).startswith(b"HTTP/1.1 413 ")


def test_a_body_above_the_limit_is_refused_where_it_names_no_length(served: Served) -> None:
    chunks = (b" " * 65_536 for _ in range(MOST_BYTES // 65_536 + 1))
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=30)) as connection:
        # The refusal may come, and the connection be closed, before the last chunk is sent.
        with suppress(BrokenPipeError):
            connection.request("POST", "/predict", chunks, {"Content-Type": "application/json"}, encode_chunked=True)
        with connection.getresponse() as response:
            assert (response.status, json.loads(response.read())["status"]) == (413, 413)


@pytest.mark.parametrize(("workers", "told"), [(1, signal.SIGTERM), (2, signal.SIGTERM), (2, signal.SIGINT)])
def test_a_signal_ends_it_cleanly(bundle_folder: Path, workers: int, told: signal.Signals) -> None:
    with serving(bundle_folder.parent, workers) as running:
        # A client that keeps its connection open doesn't hold the server up.
        with Client(running.url) as client:
            client.health()
            assert len(running.workers()) == workers
            assert running.stop(told) == 0
        with pytest.raises(Unreachable):
            Client(running.url).health()


def test_ctrl_c_ends_it_cleanly(bundle_folder: Path) -> None:
    """A terminal sends SIGINT to the whole foreground process group."""
    with serving(bundle_folder.parent, workers=2) as running:
        # Both workers serve by now.
        time.sleep(1)
        assert all(os.getpgid(worker) != running.process.pid for worker in running.workers())
        os.killpg(running.process.pid, signal.SIGINT)
        assert running.process.wait(SOON) == 0
        assert "Unexpected exit" not in running.process.communicate()[0]


def test_a_signal_that_comes_twice_ends_it_cleanly(bundle_folder: Path) -> None:
    """`make` passes on what the process group was told already; which moments are the wrong ones is chance."""
    for _ in range(8):
        with serving(bundle_folder.parent) as running:
            for _ in range(20):
                running.process.send_signal(signal.SIGTERM)
                time.sleep(20e-6)
            assert running.process.wait(SOON) == 0


def test_a_worker_that_hardly_serves_yet_hears_the_signal(bundle_folder: Path) -> None:
    """When the first answers, the others load, or begin to serve; which moments are the wrong ones is chance."""
    for hundredths in range(10):
        with serving(bundle_folder.parent, workers=3) as running:
            time.sleep(hundredths / 100)
            assert running.stop() == 0


def test_what_is_in_flight_is_answered_before_it_ends(bundle_folder: Path, blog_transaction: dict[str, float]) -> None:
    body = json.dumps(blog_transaction).encode()
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    with serving(bundle_folder.parent) as running:
        with socket.create_connection(("127.0.0.1", running.port), timeout=30) as slow:
            slow.sendall(head % len(body) + body[:100])
            time.sleep(0.5)
            running.process.terminate()
            time.sleep(0.5)
            slow.sendall(body[100:])
            assert slow.recv(65_536).startswith(b"HTTP/1.1 200 ")
        assert running.process.wait(SOON) == 0


def test_a_worker_that_dies_is_replaced(bundle_folder: Path) -> None:
    with serving(bundle_folder.parent) as running:
        kill_and_wait_for_another(running)
        assert running.stop() == 0
        output, errors = running.process.communicate()
    assert "Unexpected exit from worker-1" in errors
    assert all(line.startswith('{"time":') for line in output.splitlines()), output


def kill_and_wait_for_another(served: Served) -> None:
    [before] = served.workers()
    os.kill(before, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while served.workers() in ([], [before]):
        assert time.monotonic() < deadline, "no new worker"
        time.sleep(0.05)
    wait_until_it_answers(served)


def metrics(served: Served) -> str:
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=10)) as connection:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()


def test_counts_are_those_of_all_workers_and_outlive_one(
    bundle_folder: Path, blog_transaction: dict[str, float]
) -> None:
    def counted(served: Served) -> float:
        told = metrics(served)
        [count] = re.findall(r'^fraud_requests_total{route="/predict",status="200"} (\S+)$', told, re.MULTILINE)
        return float(count)

    with serving(bundle_folder.parent, workers=2) as running:
        # The kernel deals connections to workers: of so many, each gets some.
        for _ in range(40):
            with Client(running.url) as client:
                client.predict(blog_transaction)
        assert {counted(running) for _ in range(10)} == {40}
        killed, _ = running.workers()
        os.kill(killed, signal.SIGKILL)
        deadline = time.monotonic() + 30
        while killed in running.workers() or len(running.workers()) < 2:
            assert time.monotonic() < deadline, "no new worker"
            time.sleep(0.05)
        wait_until_it_answers(running)
        assert {counted(running) for _ in range(10)} == {40}


def test_a_worker_takes_little_memory(bundle_folder: Path, blog_transaction: dict[str, float]) -> None:
    with serving(bundle_folder.parent, workers=2) as running:
        for number in range(300):
            with Client(running.url) as client:
                client.predict(blog_transaction, reasons="always" if number % 2 else "alerts")
        with Client(running.url) as client:
            assert len(list(client.predict_many([blog_transaction] * 10_000, batch=10_000))) == 10_000
        taken = running.proportional_memory()
    assert len(taken) == 2
    assert all(size <= 180e6 for size in taken), taken


def test_the_model_says_what_the_gates_said(bundle_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(bundle_folder, tmp_path / "model")
    judged = {"format": 1, "bundles": {"model": bundle.read(bundle_folder).manifest.digest}}
    said = {"verdict": "pass", "sentence": "It may ship.", "gates": []}
    (tmp_path / "gate.json").write_text(json.dumps(judged | said))
    with serving(tmp_path) as running, closing(HTTPConnection("127.0.0.1", running.port, timeout=10)) as connection:
        connection.request("GET", "/model")
        assert json.loads(connection.getresponse().read())["gates"] == said


def test_each_request_is_one_line_of_the_log(bundle_folder: Path, blog_transaction: dict[str, float]) -> None:
    with serving(bundle_folder.parent, workers=2) as running:
        for _ in range(20):
            with Client(running.url) as client:
                client.predict(blog_transaction)
        running.process.terminate()
        output, _ = running.process.communicate(timeout=60)
    told = [json.loads(line) for line in output.splitlines()]
    assert sum(line["route"] == "/predict" for line in told) == 20


def test_each_transaction_has_a_line_where_the_operator_asks(
    bundle_folder: Path, blog_transaction: dict[str, float]
) -> None:
    with serving(bundle_folder.parent, FRAUD_LOG_TRANSACTIONS="1") as running:
        with Client(running.url) as client:
            client.predict(blog_transaction)
        running.process.terminate()
        output, _ = running.process.communicate(timeout=60)
    told = [json.loads(line) for line in output.splitlines()]
    assert [line["transaction"] for line in told if "transaction" in line] == [blog_transaction]


def test_transactions_are_not_told_where_there_is_no_log(bundle_folder: Path) -> None:
    settings = {"FRAUD_LOG_TRANSACTIONS": "1", "FRAUD_ACCESS_LOG": "0"}
    errors = refusal(start(bundle_folder.parent, free_port(), **settings))
    assert errors.startswith("fraud serve: FRAUD_LOG_TRANSACTIONS has no log to tell them in")
    assert errors.count("\n") == 1


def refusal(process: subprocess.Popen[str]) -> str:
    """The message of a server that must not start."""
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 2, errors
    assert "Traceback" not in output + errors
    return errors


def test_a_port_in_use_is_said_before_a_worker_starts(bundle_folder: Path, served: Served) -> None:
    # Another server of the same kind, which would share its port; a stranger's socket is refused by the system anyway.
    errors = refusal(start(bundle_folder.parent, served.port))
    assert errors.startswith(f"fraud serve: can't listen on 127.0.0.1:{served.port} (")
    assert errors.count("\n") == 1


def test_a_host_that_is_not_ours_is_said(bundle_folder: Path) -> None:
    errors = refusal(start(bundle_folder.parent, free_port(), host="no.such.host.invalid"))
    assert errors.startswith("fraud serve: can't listen on no.such.host.invalid:")
    assert errors.count("\n") == 1


def test_keys_that_can_not_be_used_are_said(bundle_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("nonsense\n")
    errors = refusal(start(bundle_folder.parent, free_port(), FRAUD_API_KEYS_FILE=str(tmp_path / "keys")))
    assert "keys, line 1: no key of its own" in errors
    assert errors.count("\n") == 1


def _a_newer_format(folder: Path) -> None:
    manifest = folder / bundle.MANIFEST
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace(f'"format": {bundle.FORMAT}', f'"format": {bundle.FORMAT + 1}'), encoding="utf-8")


def _a_byte_more(folder: Path) -> None:
    with (folder / bundle.MODEL).open("ab") as model:
        model.write(b"\0")


def _an_unknown_operator(folder: Path) -> None:
    from onnx import TensorProto, helper

    node = helper.make_node("Clairvoyance", ["transactions"], ["fraud"])
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, width])
        for name, width in (("transactions", 30), ("fraud", 1))
    ]
    graph = helper.make_graph([node], "unknown", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    bundle.write(folder, model.SerializeToString(), bundle.read(folder).manifest)


UNUSABLE = {
    "no folder": (shutil.rmtree, "holds no model bundle"),
    "a file missing": (lambda folder: (folder / bundle.MODEL).unlink(), "holds no model bundle"),
    "a byte more": (_a_byte_more, "is not the model that its manifest names"),
    "a newer format": (_a_newer_format, "manifest.json is of format 3, this program reads 2: update the program"),
    "no graph": (
        lambda folder: bundle.write(folder, b"no graph", bundle.read(folder).manifest),
        "model.onnx can't be run",
    ),
    "an unknown operator": (_an_unknown_operator, "Clairvoyance"),
}


@pytest.mark.parametrize(("spoil", "told"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_bundle_that_can_not_be_used_is_said_before_a_worker_starts(
    bundle_folder: Path, tmp_path: Path, spoil: Callable[[Path], object], told: str
) -> None:
    shutil.copytree(bundle_folder, tmp_path / "model")
    spoil(tmp_path / "model")
    errors = refusal(start(tmp_path, free_port()))
    assert errors.startswith("fraud serve: ")
    assert told in errors
    assert errors.count("\n") == 1


def test_a_model_that_does_not_answer_is_said_before_a_worker_starts(mute_bundle: Path) -> None:
    errors = refusal(start(mute_bundle.parent, free_port()))
    assert "does not answer" in errors
    assert errors.count("\n") == 1


def test_a_model_that_kills_what_loads_it_is_said(bundle_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "tried", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(UsageError, match=r"kills the process that loads it \(signal 9\)"):
        server._try(bundle_folder, bundle.read(bundle_folder).manifest)


def test_garbage_is_looked_for_once_all_is_loaded_and_not_in_that(bundle_folder: Path) -> None:
    code = """
import gc, sys
from fraud import __main__ as command

class Watched:
    def find_spec(self, name, path=None, target=None):
        if name in ("fraud.api.server", "fraud.api.app"):
            print(name, gc.isenabled())

sys.meta_path.insert(0, Watched())
import granian
granian.Granian.serve = lambda *_, **__: print("workers", gc.isenabled(), gc.get_freeze_count() > len(gc.get_objects()))
sys.exit(command.main(["serve"]))
"""
    environment = os.environ | {"FRAUD_BUILD": str(bundle_folder.parent), "FRAUD_PORT": str(free_port())}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["fraud.api.server False", "fraud.api.app False", "workers True True"]


def test_without_a_bundle_that_is_named_it_serves_what_it_started_with(
    bundle_folder: Path, tmp_path: Path, write_bundle: Callable
) -> None:
    shutil.copytree(bundle_folder, tmp_path / "model")
    version = bundle.read(bundle_folder).manifest.version
    with serving(tmp_path) as running:
        write_bundle(tmp_path / "model", 1)
        # Longer than a follower takes.
        time.sleep(3)
        with Client(running.url) as client:
            assert client.health()["model"] == version
        assert f'fraud_workers{{model="{version}"}} 1.0' in metrics(running)
        kill_and_wait_for_another(running)
        with Client(running.url) as client:
            assert client.health()["model"] == version
        assert running.stop() == 0


def test_a_bundle_that_a_server_began_with_may_be_damaged(bundle_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(bundle_folder, tmp_path / "model")
    with serving(tmp_path, FRAUD_BUNDLE=str(tmp_path / "model")) as running:
        _a_byte_more(tmp_path / "model")
        kill_and_wait_for_another(running)
        assert running.stop() == 0
