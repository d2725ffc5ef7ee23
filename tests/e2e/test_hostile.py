"""Requests that mean harm, as bytes on a connection: refused or cut off soon, in bounded memory, logged as no bug."""

import gzip
import json
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from fraud.client import Client
from tests.e2e.serving import Served, serving

LINE = b"POST /predict HTTP/1.1\r\n"
HEAD = LINE + b"Host: x\r\nContent-Type: application/json\r\n"
LINES = LINE + b"Host: x\r\nContent-Type: application/x-ndjson\r\n"

# Bytes that a worker may take for one of these: less than what a packed one would unpack to.
MOST_MEMORY = 150_000_000


@pytest.fixture(scope="module")
def served(bundle_folder: Path) -> Iterator[Served]:
    with serving(bundle_folder.parent, options={"stdout": subprocess.DEVNULL}) as running:
        yield running


def exchange(served: Served, request: bytes) -> bytes:
    """Everything that comes back until the server closes the connection, or a second after it fell silent."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as connection:
        # It may answer, and close, before all is sent.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        answer = b""
        with suppress(TimeoutError, ConnectionResetError):
            while part := connection.recv(65_536):
                answer += part
                connection.settimeout(1)
        return answer


def statuses(answer: bytes) -> list[int]:
    """Of the responses in it, of which no body holds such a line."""
    return [int(status) for status in re.findall(rb"^HTTP/1\.1 (\d{3}) ", answer, re.MULTILINE)]


def peak_memory(served: Served) -> int:
    """The most bytes that its one worker held at any time."""
    [worker] = served.workers()
    told = Path(f"/proc/{worker}/status").read_text(encoding="ascii")
    return int(told.split("VmHWM:")[1].split()[0]) * 1024


def whole(body: bytes, headers: bytes = b"", head: bytes = HEAD) -> bytes:
    return head + headers + b"Content-Length: %d\r\n\r\n" % len(body) + body


REFUSED: dict[str, tuple[Callable[[], bytes], int]] = {
    "a header of 1 MB": (lambda: whole(b"{}", b"X-Large: " + b"a" * 1_000_000 + b"\r\n"), 431),
    "5,000 headers": (lambda: whole(b"{}", b"".join(b"X-%d: a\r\n" % i for i in range(5_000))), 431),
    "an address of 1 MB": (lambda: b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
    "10 MB of nulls": (lambda: whole(b"[" + b"null," * 1_999_999 + b"null]"), 422),
    "16 MB of empty objects": (lambda: whole(b"[" + b"{}," * 5_500_000 + b"{}]"), 422),
    "16 MB of empty lists": (lambda: whole(b"[" + b"[]," * 5_500_000 + b"[]]"), 422),
    "16 MB of numbers": (lambda: whole(b"[" + b"0," * 8_000_000 + b"0]"), 422),
    "16 MB of empty lists, in lines": (lambda: whole(33 * (b"[" + b"[]," * 166_666 + b"[]]\n"), head=LINES), 422),
    "nested 100,000 deep": (lambda: whole(b"[" * 100_000 + b"]" * 100_000), 400),
    "no UTF-8": (lambda: whole(b'{"Time": "\xff"}'), 400),
    "no UTF-8 in a name": (lambda: whole(b'{"Ti\xffme": 1}'), 400),
    "200 MB packed": (lambda: whole(gzip.compress(bytes(200_000_000), 1), b"Content-Encoding: gzip\r\n"), 415),
    "a length that is none": (lambda: HEAD + b"Content-Length: -1\r\n\r\n", 400),
    "a length beyond numbers": (lambda: HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n", 400),
    "a chunk that is none": (lambda: HEAD + b"Transfer-Encoding: chunked\r\n\r\nXYZ\r\n", 400),
    "a chunk beyond numbers": (lambda: HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400),
    "a NUL in a header": (lambda: whole(b"{}", b"X-Bad: a\0b\r\n"), 400),
    "another protocol": (lambda: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), 400),
}


@pytest.mark.parametrize(("request_", "status"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused_soon_and_without_taking_memory(
    served: Served, request_: Callable[[], bytes], status: int
) -> None:
    request, memory, [worker] = request_(), peak_memory(served), served.workers()
    start = time.monotonic()
    answer = exchange(served, request)
    assert statuses(answer) == [status], answer[:500]
    assert time.monotonic() - start < 10
    assert peak_memory(served) - memory < MOST_MEMORY
    assert served.workers() == [worker]


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
AMBIGUOUS = {
    "two lengths": b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED),
    "a list of lengths": b"Content-Length: 0, %d\r\n\r\n" % len(SMUGGLED),
    "a length and chunks": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and a length": b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "an encoding with a space before its colon": b"Transfer-Encoding : chunked\r\nContent-Length: 0\r\n\r\n",
    "an unknown encoding": b"Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n\r\n",
    "an encoding on a folded line": b"Transfer-Encoding:\r\n chunked\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("framing", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_a_body_whose_end_is_ambiguous_carries_no_second_request(served: Served, framing: bytes) -> None:
    """The connection is closed after the first: what a proxy takes for its body is not read as another request."""
    answer = exchange(served, HEAD + framing + SMUGGLED)
    assert statuses(answer) == [400], answer


@pytest.mark.parametrize("host", ["evil.example", "evil.example:99999", "a b/c\\", "", '"><script>'])
def test_a_wrong_host_appears_in_no_answer(served: Served, host: str) -> None:
    """No answer holds an address that is made of what the client says the server's name is."""
    no_address = ("/health/", "/nothing", "//evil.example/health", "//health", "//predict", "/static//page.css")
    for path in ("/health", *no_address):
        answer = exchange(served, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert statuses(answer)[0] in ((400, 404) if path in no_address else (200, 400)), answer
        assert b"evil" not in answer
        assert b"script" not in answer


def test_requests_that_do_not_wait_for_an_answer_are_answered_in_order(
    served: Served, blog_transaction: dict[str, float]
) -> None:
    body = json.dumps(blog_transaction).encode()
    ids = [b"number-%d" % i for i in range(50)]
    answer = exchange(served, b"".join(whole(body, b"X-Request-ID: " + each + b"\r\n") for each in ids))
    assert statuses(answer) == [200] * len(ids)
    assert [line[14:] for line in answer.split(b"\r\n") if line.startswith(b"x-request-id: ")] == ids


def test_after_all_of_it_the_same_worker_answers(served: Served, blog_transaction: dict[str, float]) -> None:
    with Client(served.url, timeout=30) as client:
        client.predict(blog_transaction)
        served.process.terminate()
    _, errors = served.process.communicate(timeout=60)
    # That it serves, and no traceback.
    assert errors.count("\n") == 1, errors
