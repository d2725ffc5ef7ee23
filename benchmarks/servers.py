"""The servers that are measured, each with two worker processes, on a port of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from fraud.settings import PREFIX

WORKERS = 2

_THREADS = 3
_PATIENCE = 60.0

_GUNICORN = (sys.executable, "-m", "gunicorn", "--workers", str(WORKERS))


@contextmanager
def blog_post(model: Path) -> Iterator[str]:
    """The blog post's API, as it is started there; yields the URL of its `/predict`."""
    port = _free_port()
    command = [*_GUNICORN, "--bind", f"127.0.0.1:{port}", f"benchmarks.blog_api:create_app({str(model)!r})"]
    with _running(command, {}, port, model.with_suffix(".log")) as url:
        yield url


@contextmanager
def granian(build: Path, log: Path) -> Iterator[str]:
    """This project's API as `make serve` starts it by default, the lines of its log in a file."""
    port = _free_port()
    told = {
        "FRAUD_BUILD": str(build),
        "FRAUD_HOST": "127.0.0.1",
        "FRAUD_PORT": str(port),
        "FRAUD_WORKERS": str(WORKERS),
    }
    with _running([sys.executable, "-m", "fraud", "serve"], told, port, log) as url:
        yield url


@contextmanager
def gunicorn(build: Path, log: Path) -> Iterator[str]:
    """The same application under gunicorn, in threads: its other workers close the connection after each answer."""
    port = _free_port()
    counts = log.with_suffix(".counts")
    counts.mkdir()
    application = f"benchmarks.own_api:create_app({str(build / 'model')!r}, {str(counts)!r})"
    threads = ["--worker-class", "gthread", "--threads", str(_THREADS)]
    with _running([*_GUNICORN, *threads, "--bind", f"127.0.0.1:{port}", application], {}, port, log) as url:
        yield url


@contextmanager
def _running(command: Sequence[str], environment: Mapping[str, str], port: int, log: Path) -> Iterator[str]:
    errors = log.with_suffix(".errors")
    # No setting of the caller's: each is measured as it is by default.
    others = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    with log.open("wb") as output, errors.open("wb") as other:
        process = subprocess.Popen(command, env={**others, **environment}, stdout=output, stderr=other)
    try:
        _wait_for(port, process, errors)
        yield f"http://127.0.0.1:{port}/predict"
    finally:
        process.terminate()
        process.wait(_PATIENCE)


def _wait_for(port: int, process: "subprocess.Popen[bytes]", errors: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not _answers(port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"a server does not answer:\n{errors.read_text(encoding='utf-8')[-2_000:]}")
        time.sleep(0.1)


def _answers(port: int) -> bool:
    """Whatever it answers: the blog post's API has no address that says more."""
    connection = HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        connection.request("GET", "/health")
        connection.getresponse().read()
    except OSError:
        return False
    finally:
        connection.close()
    return True


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
