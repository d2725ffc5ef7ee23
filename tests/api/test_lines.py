"""The access log: whole lines in their order, soon or when there is no more time; a full disk costs no answer."""

import os
import threading
import time
from pathlib import Path

import pytest

from fraud.api import lines
from fraud.api.lines import Lines


@pytest.fixture
def ends() -> tuple[int, int]:
    return os.pipe()


def told(number: int) -> str:
    return f"{number:06d}" * 40


def line(number: int) -> bytes:
    """What is written of what is told."""
    return b'"%b"\n' % told(number).encode()


def read(descriptor: int, count: int) -> list[bytes]:
    found = b""
    while found.count(b"\n") < count:
        found += os.read(descriptor, 65_536)
    return found.splitlines(keepends=True)


def test_lines_are_written_soon_in_their_order(ends: tuple[int, int]) -> None:
    log = Lines(ends[1])
    for start in (0, 100):
        for number in range(start, start + 100):
            log.add(told(number))
        assert read(ends[0], 100) == [line(number) for number in range(start, start + 100)]


def test_what_is_written_at_once_is_whole_lines_that_a_pipe_does_not_tear(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pieces = []

    def write(_: int, content: bytes) -> int:
        pieces.append(content)
        return len(content)

    monkeypatch.setattr(lines, "_WAIT", 3_600)
    monkeypatch.setattr(lines.os, "write", write)
    log = Lines(1)
    for number in range(50):
        log.add(told(number))
    log.add("x" * 5_000)
    log.flush()
    assert b"".join(pieces) == b"".join(map(line, range(50))) + b'"%b"\n' % (b"x" * 5_000)
    assert all(piece.endswith(b"\n") for piece in pieces)
    assert 3 < len(pieces) < 10
    assert all(len(piece) <= 4_096 for piece in pieces[:-1])


def test_when_there_is_no_more_time_each_is_written_when_it_is_told(
    ends: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "_WAIT", 3_600)
    log = Lines(ends[1])
    log.add(told(0))
    os.set_blocking(ends[0], False)
    with pytest.raises(BlockingIOError):
        os.read(ends[0], 1)
    log.wait_no_more()
    assert os.read(ends[0], 1_000) == line(0)
    log.add(told(1))
    assert os.read(ends[0], 1_000) == line(1)


def test_a_log_that_nobody_reads_does_not_fill_the_memory(
    ends: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "_WAIT", 3_600)
    log = Lines(ends[1])
    added = []

    def tell() -> None:
        for number in range(20_000):
            log.add(told(number))
            added.append(number)

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    while len(added) < 10_000:
        time.sleep(0.01)
    thread.join(0.5)
    assert len(added) < 11_000
    threading.Thread(target=lambda: (thread.join(), log.flush()), daemon=True).start()
    assert read(ends[0], 20_000) == [line(number) for number in range(20_000)]


@pytest.mark.parametrize("wait", [0.02, 3_600])
def test_a_log_that_nobody_reads_keeps_no_process_from_its_end(
    ends: tuple[int, int], monkeypatch: pytest.MonkeyPatch, wait: float
) -> None:
    """Whoever of its threads is the one that the pipe has no room for."""
    monkeypatch.setattr(lines, "_WAIT", wait)
    monkeypatch.setattr(lines, "_PATIENCE", 0.1)
    log = Lines(ends[1])
    for number in range(2_000):
        log.add(told(number))
    time.sleep(0.1)
    log.wait_no_more()
    log.add(told(2_000))
    threading.Thread(target=log.flush, daemon=True).start()
    assert read(ends[0], 2_001) == [line(number) for number in range(2_001)]


def test_what_is_written_in_part_spoils_no_other_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up takes a part, then nothing, and later all."""
    written, room = b"", [5, 3, 3, 0, 0, 100, 100]

    def write(_: int, content: bytes) -> int:
        nonlocal written
        size = room.pop(0)
        if not size:
            raise OSError
        written += content[:size]
        return min(size, len(content))

    monkeypatch.setattr(lines, "_WAIT", 3_600)
    monkeypatch.setattr(lines.os, "write", write)
    log = Lines(1)
    for word in ("first", "second", "third", "fourth"):
        log.add(word)
        log.flush()
    assert written == b'"first"\n"se\n"fourth"\n'
    assert room == [100]


def test_a_log_that_can_not_be_written_costs_lines_and_no_answer() -> None:
    with Path("/dev/full").open("wb") as full:
        log = Lines(full.fileno())
        log.add("line")
        log.flush()
        with pytest.raises(OSError, match="No space"):
            os.write(full.fileno(), b"x")


def test_threads_lose_no_line(ends: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_WAIT", 0.0)
    log = Lines(ends[1])

    def tell(start: int) -> None:
        for number in range(start, start + 500):
            log.add(told(number))

    threads = [threading.Thread(target=tell, args=(500 * k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    assert sorted(read(ends[0], 3_000)) == [line(number) for number in range(3_000)]
