"""`python -m fraud serve` as a process of its own, and what the kernel knows of it."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from fraud.client import Client, Unreachable

ROOT = Path(__file__).parents[2]

# Sooner than the 8 s after which a worker that hangs is killed.
SOON = 6


IN_JSON = {"Content-Type": "application/json"}


@dataclass
class Served:
    process: subprocess.Popen[str]
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(child) for child in children.read_text(encoding="ascii").split()]

    def private_memory(self) -> int:
        """Bytes (USS) of all workers together: what else runs on the machine changes what they share."""
        return sum(sum(_sizes(worker, "Private_.*")) for worker in self.workers())

    def proportional_memory(self) -> list[int]:
        """Bytes (PSS) of each worker: what it shares counts for each by its part."""
        return [sum(_sizes(worker, "Pss")) for worker in self.workers()]

    def open_files(self) -> int:
        """Of all workers together."""
        return sum(1 for worker in self.workers() for _ in Path(f"/proc/{worker}/fd").iterdir())

    def stop(self, told: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(told)
        return self.process.wait(SOON)


def _sizes(process: int, name: str) -> list[int]:
    """Bytes of a process that the kernel lists under names like this one."""
    told = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
    return [1024 * int(size) for size in re.findall(rf"^{name}: +(\d+)", told, re.MULTILINE)]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def start(
    build: Path,
    port: int,
    workers: int = 1,
    host: str = "127.0.0.1",
    through: tuple[str, ...] = (),
    options: dict[str, Any] | None = None,
    **others: str,
) -> subprocess.Popen[str]:
    """Start it: `through` a command that ends by running its arguments, with other `options` of `Popen`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FRAUD_")}
    settings = {"FRAUD_BUILD": str(build), "FRAUD_PORT": str(port), "FRAUD_WORKERS": str(workers), "FRAUD_HOST": host}
    return subprocess.Popen(
        [*through, sys.executable, "-m", "fraud", "serve"],
        cwd=ROOT,
        env={**kept, **settings, **others},
        text=True,
        start_new_session=True,
        # A log that nobody reads fills its pipe, and the server waits: room for some thousand lines.
        pipesize=1024 * 1024,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **(options or {})},
    )


@contextmanager
def serving(build: Path, workers: int = 1, **others: Any) -> Iterator[Served]:
    """A server that answers, ended afterwards; `others` as `start` takes them."""
    port = free_port()
    process = start(build, port, workers, **others)
    served = Served(process, port)
    try:
        wait_until_it_answers(served)
        yield served
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.communicate(timeout=30)
        finally:
            for left in (*served.workers(), process.pid) if process.poll() is None else ():
                os.kill(left, signal.SIGKILL)


def wait_until_it_answers(served: Served) -> None:
    deadline = time.monotonic() + 60
    with Client(served.url, timeout=2) as client:
        while True:
            try:
                client.health()
            except Unreachable:
                assert served.process.poll() is None, served.process.communicate()[1]
                assert time.monotonic() < deadline, "no answer after a minute"
                time.sleep(0.05)
            else:
                return


@contextmanager
def under_load(served: Served, bodies: Sequence[bytes]) -> Iterator[list["Caller"]]:
    """A caller for each body, asking until the end of the block, which waits until all have their last answer."""
    started = [Caller(served.port, body) for body in bodies]
    for caller in started:
        caller.start()
    try:
        yield started
    finally:
        for caller in started:
            caller.stopped.set()
        for caller in started:
            caller.join(60)


class Caller(threading.Thread):
    """Asks over one connection without pause, opens another one where it breaks, and never asks twice."""

    def __init__(self, port: int, body: bytes) -> None:
        super().__init__()
        self._port, self._body = port, body
        self.stopped = threading.Event()
        self.answers: Counter[int] = Counter()
        self.failures: list[Exception] = []

    def run(self) -> None:
        while not self.stopped.is_set():
            with closing(HTTPConnection("127.0.0.1", self._port, timeout=30)) as connection:
                try:
                    self._ask_on(connection)
                except (OSError, HTTPException) as failure:
                    self.failures.append(failure)
                    self.stopped.wait(0.01)

    def _ask_on(self, connection: HTTPConnection) -> None:
        while not self.stopped.is_set():
            connection.request("POST", "/predict", self._body, IN_JSON)
            with connection.getresponse() as response:
                response.read()
                self.answers[response.status] += 1
