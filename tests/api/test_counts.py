"""Counts outlive who counted, whatever happened to it, and have their room before anything is counted."""

import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from fraud.api import counts
from fraud.api.counts import Counts, Name

OTHER = """
import os, signal, sys
from pathlib import Path
from fraud.api.counts import Counts
counts = Counts(Path(sys.argv[1]))
counts.add(counts.place("asked", "a"), 2)
counts.set(counts.place("now"), 7)
print(flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path) -> "subprocess.Popen[str]":
    """Another worker, which has counted."""
    started = subprocess.Popen(
        [sys.executable, "-c", OTHER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with started:
        assert started.stdout is not None
        started.stdout.readline()
        yield started
        started.kill()


def kill(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def leave(counts: Counts) -> None:
    """As a process does that ends."""
    counts._values.release()
    counts._memory.close()


def sums(found: Counts) -> dict[Name, float]:
    added = Counter[Name]()
    for name, value, _ in found.all():
        added[name] += value
    return added


def test_the_room_is_taken_at_once(tmp_path: Path) -> None:
    _kept = Counts(tmp_path)
    [path] = tmp_path.iterdir()
    # Not a hole: blocks that a disk which is full later can't refuse.
    assert path.stat().st_blocks * 512 >= path.stat().st_size >= 200_000


def test_without_room_nothing_is_left_that_another_worker_would_read(
    tmp_path: Path, on_a_full_disk: Callable[..., CompletedProcess[str]]
) -> None:
    probe = OTHER + "print(sorted((*name, value) for name, value, _ in counts.all()))"
    done = on_a_full_disk("-c", probe, str(tmp_path))
    assert done.stdout.splitlines() == ["", "[('asked', 'a', 2.0), ('now', 7.0)]"]
    assert done.stderr == f"error: {tmp_path}: File too large; a worker counts for itself alone\n"
    assert list(tmp_path.iterdir()) == []


def test_all_workers_are_read_while_they_count(tmp_path: Path, other: "subprocess.Popen[str]") -> None:
    own = Counts(tmp_path)
    own.add(own.place("asked", "a"))
    own.add(own.place("asked", "b"), 0.5)
    assert sums(own) == {("asked", "a"): 3, ("asked", "b"): 0.5, ("now",): 7}
    assert all(count.alive for count in own.all())
    assert other.poll() is None


def test_what_a_killed_worker_counted_stays_and_who_comes_goes_on_with_it(
    tmp_path: Path, other: "subprocess.Popen[str]"
) -> None:
    own = Counts(tmp_path)
    kill(other)
    assert {(count.name, count.value): count.alive for count in own.all()} == {
        (("asked", "a"), 2): False,
        (("now",), 7): False,
    }
    for _ in range(3):
        come = Counts(tmp_path)
        come.add(come.place("asked", "a"))
        come.add(come.place("more"))
        assert sum(1 for _ in tmp_path.iterdir()) == 2
        leave(come)
    assert sums(own) == {("asked", "a"): 5, ("now",): 7, ("more",): 3}


def test_a_worker_that_died_while_it_wrote_a_name_left_what_it_had_counted(tmp_path: Path) -> None:
    died = Counts(tmp_path)
    died.add(died.place("asked", "a"), 2)
    at = counts._NAMES_AT + counts._NAME
    died._memory[at : at + 60] = b'["ask"'.ljust(60, b"x")
    leave(died)
    come = Counts(tmp_path)
    come.add(come.place("asked", "b"))
    assert sums(come) == {("asked", "a"): 2, ("asked", "b"): 1}


def test_what_no_room_is_left_for_is_told_and_harms_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    own = Counts(None)
    own.add(own.place("x" * 300))
    for number in range(2_000):
        own.add(own.place("asked", f"{number:04}"))
    own.set(own.place("asked", "1999"), -7)
    found = sums(own)
    lacking = found.pop(counts.LACKING)
    assert len(found) == counts._MOST - 2
    told = capfd.readouterr().err.splitlines()
    assert told[1] == "error: no room to count asked 1022: restart the server"
    assert len(told) == lacking == 2_001 - len(found)
    assert set(found.values()) == {1}


def test_what_had_no_room_is_told_to_other_workers_and_later(tmp_path: Path) -> None:
    died = Counts(tmp_path)
    died.add(died.place("x" * 300))
    leave(died)
    come = Counts(tmp_path)
    come.add(come.place("asked", "a"))
    other = Counts(tmp_path)
    other.add(other.place("x" * 300))
    assert sums(other) == {("asked", "a"): 1, counts.LACKING: 2}


def test_threads_lose_no_count(tmp_path: Path) -> None:
    own = Counts(tmp_path)

    def count(thread: int) -> None:
        for number in range(5_000):
            own.add(own.place("asked", str(number % 50)))
            own.add(own.place("by", str(thread)))

    threads = [threading.Thread(target=count, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = sums(own)
    assert len(found) == 54
    assert {value for (family, _), value in found.items() if family == "asked"} == {400}
    assert {value for (family, _), value in found.items() if family == "by"} == {5_000}
