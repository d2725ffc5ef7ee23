"""What goes wrong around a server that runs: its workers, its disk, its clock, and clients that stall or vanish."""

import json
import os
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest

from fraud.api import keys
from fraud.client import Client, Refused
from tests.e2e.serving import IN_JSON, Served, serving, under_load, wait_until_it_answers

HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"

# A log that nobody reads would fill its pipe, and the server wait.
UNREAD = {"stdout": subprocess.DEVNULL}


@pytest.fixture
def body(blog_transaction: dict[str, float]) -> bytes:
    return json.dumps(blog_transaction).encode()


@pytest.fixture(scope="module")
def served(bundle_folder: Path) -> Iterator[Served]:
    with serving(bundle_folder.parent, options=UNREAD) as running:
        yield running


def counted(served: Served) -> dict[str, float]:
    """The requests to `/predict` by status, as `/metrics` has them."""
    with closing(HTTPConnection("127.0.0.1", served.port, timeout=10)) as connection:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    found = re.findall(r'^fraud_requests_total\{route="/predict",status="(\d+)"\} (\S+)$', text, re.MULTILINE)
    return {status: float(count) for status, count in found}


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def connections(worker: int) -> int:
    return sum(found.status == psutil.CONN_ESTABLISHED for found in psutil.Process(worker).net_connections())


def wait_until_all_serve(served: Served) -> None:
    """The kernel deals connections to the workers that listen: of many, each gets some."""
    with ExitStack() as stack:

        def all_serve() -> bool:
            stack.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=30))
            return all(connections(worker) for worker in served.workers())

        wait_for(all_serve, "a worker accepts no connection")


def kill_and_wait_for_another(served: Served) -> None:
    before = served.workers()
    busiest = max(before, key=connections)
    os.kill(busiest, signal.SIGKILL)
    wait_for(
        lambda: busiest not in served.workers() and len(served.workers()) == len(before), "the worker is not replaced"
    )
    wait_until_all_serve(served)


def test_a_worker_that_is_killed_under_load_costs_what_it_was_answering(bundle_folder: Path, body: bytes) -> None:
    with serving(bundle_folder.parent, workers=2, options=UNREAD) as running:
        wait_until_all_serve(running)
        with under_load(running, [body] * 6) as callers:
            time.sleep(1)
            kill_and_wait_for_another(running)
            time.sleep(1)
        answers = sum((caller.answers for caller in callers), Counter())
        failed = sum(len(caller.failures) for caller in callers)
        assert answers.keys() == {200}
        # Each has one request under way at a time: what they lost is what they were waiting for, and no more.
        assert all(len(caller.failures) <= 1 for caller in callers)
        assert failed >= 1
        # One that was counted as answered may have been killed before it was sent.
        assert answers[200] <= counted(running)["200"] <= answers[200] + failed
        assert running.stop() == 0


def shared_folder(served: Served) -> Path:
    """Where its workers keep what they share: its lock is open as long as it runs."""
    files = [Path(found.path) for found in psutil.Process(served.process.pid).open_files()]
    [folder] = {file.parent for file in files if file.parent.name.startswith("fraud-serve-")}
    return folder


def test_a_server_that_is_killed_leaves_neither_workers_nor_for_long_their_folder(
    bundle_folder: Path, body: bytes
) -> None:
    with (
        serving(bundle_folder.parent, options=UNREAD) as beside,
        serving(bundle_folder.parent, workers=2, options=UNREAD) as killed,
    ):
        wait_until_all_serve(killed)
        workers, folder = killed.workers(), shared_folder(killed)
        head = HEAD % len(body)
        try:
            with socket.create_connection(("127.0.0.1", killed.port), timeout=30) as slow:
                slow.sendall(head + body[:-1])
                time.sleep(0.5)
                killed.process.kill()
                killed.process.wait()
                time.sleep(2)
                # What is in flight is answered, as after SIGTERM.
                slow.sendall(body[-1:])
                assert slow.recv(65_536).startswith(b"HTTP/1.1 200 ")
            wait_for(lambda: not any(map(psutil.pid_exists, workers)), "a worker has outlived its server")
        finally:
            for worker in filter(psutil.pid_exists, workers):
                os.kill(worker, signal.SIGKILL)
        assert folder.exists()
        with serving(bundle_folder.parent, options=UNREAD) as after:
            assert not folder.exists()
            assert shared_folder(after).exists()
            assert shared_folder(beside).exists()


def test_an_orphan_that_a_client_holds_up_ends_all_the_same(bundle_folder: Path, body: bytes) -> None:
    with serving(bundle_folder.parent, options=UNREAD) as killed:
        [worker] = killed.workers()
        try:
            with socket.create_connection(("127.0.0.1", killed.port), timeout=30) as slow:
                slow.sendall(HEAD % len(body) + body[:-1])
                time.sleep(0.5)
                killed.process.kill()
                wait_for(lambda: not psutil.pid_exists(worker), "a worker has outlived its server")
        finally:
            if psutil.pid_exists(worker):
                os.kill(worker, signal.SIGKILL)


def test_a_worker_that_is_killed_while_the_keys_can_not_be_read_comes_back_with_them(
    bundle_folder: Path, body: bytes, tmp_path: Path
) -> None:
    allowed = tmp_path / "keys"
    secret = keys.add(allowed, "till", None)
    with serving(bundle_folder.parent, options=UNREAD, FRAUD_API_KEYS_FILE=str(allowed)) as running:
        allowed.write_text("nonsense\n")
        [killed] = running.workers()
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda: running.workers() not in ([], [killed]), "the worker is not replaced")
        wait_until_it_answers(running)
        with Client(running.url, timeout=30, key=secret) as client:
            client.predict(json.loads(body))
        with Client(running.url, timeout=30) as client, pytest.raises(Refused, match="401"):
            client.predict(json.loads(body))
        assert running.stop() == 0
        assert "line 1: no key of its own: NAME SHA256 EXPIRES" in running.process.communicate()[1]


def test_a_log_that_its_disk_has_no_room_for_costs_lines_but_no_answer(
    bundle_folder: Path, body: bytes, tmp_path: Path
) -> None:
    most = 1024 * 1024
    log = tmp_path / "log"
    # Room for a few lines more.
    log.write_bytes(b" " * (most - 2_000))

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    with (
        log.open("a") as output,
        serving(bundle_folder.parent, options={"stdout": output, "preexec_fn": limit}) as running,
    ):
        for _ in range(50):
            with Client(running.url, timeout=30) as client:
                client.predict(json.loads(body))
        assert counted(running) == {"200": 50}
        assert running.stop() == 0
    assert log.stat().st_size == most
    assert 1 <= log.read_text().count('"route":"/predict"') < 50


def test_a_log_that_nobody_reads_keeps_no_server_from_its_end(bundle_folder: Path, body: bytes) -> None:
    reader, writer = os.pipe()
    try:
        with serving(bundle_folder.parent, options={"stdout": writer}) as running:
            with Client(running.url, timeout=30) as client:
                for _ in range(400):
                    client.predict(json.loads(body))
            began = time.monotonic()
            assert running.stop() == 0
            # Sooner than it kills what does not end.
            assert time.monotonic() - began < 7
    finally:
        os.close(reader)
        os.close(writer)


def test_counts_on_a_full_disk_cost_no_answer(bundle_folder: Path, body: bytes) -> None:
    if shutil.which("unshare") is None or subprocess.run([*own_memory(), "true"], check=False).returncode:
        pytest.skip("no mount namespaces for this user")
    with serving(bundle_folder.parent, workers=2, through=own_memory()) as running:
        wait_until_all_serve(running)
        filler = Path(f"/proc/{running.process.pid}/root/dev/shm/filler")
        with pytest.raises(OSError, match="No space left"):
            fill(filler)
        before = running.workers()
        with Client(running.url, timeout=30) as client:
            for _ in range(20):
                client.predict(json.loads(body))
        # Counts of which there was none before.
        for path in ("/nothing", "/ready", "/model"):
            with closing(HTTPConnection("127.0.0.1", running.port, timeout=10)) as connection:
                connection.request("GET", path)
                assert connection.getresponse().status == (404 if path == "/nothing" else 200)
        assert counted(running) == {"200": 20}
        assert running.workers() == before
        kill_and_wait_for_another(running)
        with Client(running.url, timeout=30) as client:
            client.predict(json.loads(body))
        assert running.stop() == 0


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def own_memory() -> tuple[str, ...]:
    """A command before a command, for which /dev/shm is a small disk of its own."""
    mount = 'mount -t tmpfs -o size=4m none /dev/shm && exec "$@"'
    return ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh")


def drip(sending: socket.socket, data: bytes) -> None:
    for byte in data:
        sending.sendall(bytes([byte]))
        time.sleep(1)


def test_clients_that_send_a_byte_a_second_hold_nobody_up(served: Served, body: bytes) -> None:
    head = HEAD % len(body)
    with (
        socket.create_connection(("127.0.0.1", served.port), timeout=30) as in_head,
        socket.create_connection(("127.0.0.1", served.port), timeout=30) as in_body,
        Client(served.url, timeout=30) as fast,
    ):
        in_head.sendall(head[:-6])
        in_body.sendall(head + body[:-4])
        slow = [
            threading.Thread(target=drip, args=(in_head, head[-6:-2])),
            threading.Thread(target=drip, args=(in_body, body[-4:])),
        ]
        for each in slow:
            each.start()
        slowest, answered = 0.0, 0
        while any(each.is_alive() for each in slow):
            start = time.perf_counter()
            fast.predict(json.loads(body))
            slowest, answered = max(slowest, time.perf_counter() - start), answered + 1
            time.sleep(0.01)
        assert answered > 10
        # Held up by one of them, it would have waited for the end of it.
        assert slowest < 3
        in_head.sendall(head[-2:] + body)
        assert in_head.recv(65_536).startswith(b"HTTP/1.1 200 ")
        assert in_body.recv(65_536).startswith(b"HTTP/1.1 200 ")


@pytest.mark.long
def test_a_connection_that_is_of_no_use_is_closed_after_half_a_minute(served: Served, body: bytes) -> None:
    with (
        socket.create_connection(("127.0.0.1", served.port), timeout=45) as silent,
        socket.create_connection(("127.0.0.1", served.port), timeout=45) as slow,
        Client(served.url, timeout=30) as idle,
    ):
        idle.predict(json.loads(body))
        threading.Thread(target=dripped_until_closed, args=(slow,), daemon=True).start()
        start = time.monotonic()
        assert silent.recv(1) == b""
        assert slow.recv(1) == b""
        assert time.monotonic() - start < 40
        # The client notices that its connection is gone, and opens another one.
        idle.predict(json.loads(body))


def dripped_until_closed(sending: socket.socket) -> None:
    try:
        drip(sending, HEAD)
    except OSError:
        return


def test_a_client_that_is_gone_in_mid_body_leaves_nothing_behind(bundle_folder: Path, body: bytes) -> None:
    with serving(bundle_folder.parent) as running:
        before = running.open_files()
        for reset in (False, True) * 30:
            with socket.create_connection(("127.0.0.1", running.port), timeout=30) as leaving:
                leaving.sendall(HEAD % len(body) + body[: len(body) // 2])
                if reset:
                    # Closed with unsent data thrown away: RST instead of FIN.
                    leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with Client(running.url, timeout=30) as client:
            client.predict(json.loads(body))
        wait_for(lambda: running.open_files() <= before, "a connection is still open")
        wait_for(lambda: sum(counted(running).values()) == 61, "a request is not ended")
        assert counted(running) == {"200": 1, "400": 60}
        running.process.terminate()
        output, errors = running.process.communicate(timeout=60)
    assert '"status":5' not in output
    assert errors.count("\n") == 1, errors


def test_a_thousand_idle_connections_hold_nobody_up_and_are_let_go(served: Served, body: bytes) -> None:
    before = served.open_files()
    with ExitStack() as stack:
        for _ in range(1_000):
            stack.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=30))
        wait_for(lambda: served.open_files() >= before + 1_000, "the connections are not accepted")
        for _ in range(10):
            with Client(served.url, timeout=30) as client:
                client.predict(json.loads(body))
    wait_for(lambda: served.open_files() <= before, "connections stay open")


# A library to be loaded before the C library: its clock is 400 days slow once a file is there. The usual one for this,
# libfaketime 0.9.10, lets no thread of Python's sleep.
CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, now);
    const char *file = getenv("SET_BACK_BY");
    if (!failed && clock == CLOCK_REALTIME && file && !access(file, F_OK)) now->tv_sec -= 400 * 86400;
    return failed;
}
"""


def test_a_clock_that_is_set_back_changes_nothing(bundle_folder: Path, body: bytes, tmp_path: Path) -> None:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler on this machine")
    library, trigger, allowed = tmp_path / "clock.so", tmp_path / "set-back", tmp_path / "keys"
    build = ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(library), "-ldl"]
    subprocess.run(build, input=CLOCK, text=True, check=True)
    secrets = {name: keys.add(allowed, name, days=30) for name in ("kept", "revoked")}
    told = {"LD_PRELOAD": str(library), "SET_BACK_BY": str(trigger), "FRAUD_API_KEYS_FILE": str(allowed)}

    with serving(bundle_folder.parent, **told) as running:

        def status(name: str) -> int:
            with closing(HTTPConnection("127.0.0.1", running.port, timeout=10)) as connection:
                connection.request("POST", "/predict", body, IN_JSON | {"Authorization": f"Bearer {secrets[name]}"})
                return connection.getresponse().status

        assert (status("kept"), status("revoked")) == (200, 200)
        trigger.touch()
        assert (status("kept"), status("revoked")) == (200, 200)
        allowed.write_text("".join(line for line in allowed.read_text().splitlines(True) if line.startswith("kept")))
        wait_for(lambda: status("revoked") == 401, "a key that was taken away is still good")
        assert status("kept") == 200
        running.process.terminate()
        output, _ = running.process.communicate(timeout=60)
    lines = [json.loads(line) for line in output.splitlines()]
    # It was set back, and is said as it is.
    assert lines[-1]["time"] < lines[0]["time"]
    assert all(0 < line["milliseconds"] < 10_000 for line in lines)
