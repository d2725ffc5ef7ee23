"""The folder of a server that was killed is gone before the next one; that of one that runs stays."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fraud.api import common

# A server with a worker, which outlives it.
OTHER = """
import os, sys, time
from pathlib import Path
from fraud.api import common
common._place = lambda: Path(sys.argv[1])
with common.made() as folder:
    worker = os.fork()
    if worker == 0:
        time.sleep(60)
        os._exit(0)
    print(folder, worker, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(common, "_place", lambda: tmp_path)
    return tmp_path


@contextmanager
def running(place: Path) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    command = [sys.executable, "-c", OTHER, str(place)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        folder, _, worker = process.stdout.readline().rpartition(" ")
        try:
            yield process, Path(folder)
        finally:
            process.kill()
            os.kill(int(worker), signal.SIGKILL)


def test_it_is_for_one_user_alone_and_gone_at_the_end(place: Path) -> None:
    with common.made() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        assert list(place.iterdir()) == [folder]
        (folder / "counts").touch()
    assert list(place.iterdir()) == []


def test_that_of_a_server_that_was_killed_is_removed_though_a_worker_lives(place: Path) -> None:
    with running(place) as (process, folder):
        (folder / "served").mkdir()
        process.kill()
        process.wait()
        assert folder.exists()
        with common.made() as own:
            assert list(place.iterdir()) == [own]


def test_that_of_a_server_that_runs_stays(place: Path) -> None:
    with running(place) as (process, folder), running(place) as (_, another):
        for _ in range(3):
            with common.made() as own:
                assert set(place.iterdir()) == {own, folder, another}
        assert process.poll() is None


def test_what_is_no_server_s_stays(place: Path) -> None:
    """One that just begins has no lock yet; a link leads elsewhere."""
    begins, elsewhere = place / "fraud-serve-begins", place / "elsewhere"
    for folder in (begins, elsewhere):
        folder.mkdir()
    (elsewhere / common._LOCK).touch()
    (place / "fraud-serve-link").symlink_to(elsewhere)
    (place / "fraud-serve-file").touch()
    before = set(place.iterdir())
    with common.made() as own:
        assert set(place.iterdir()) == before | {own}
    assert (elsewhere / common._LOCK).exists()


def test_it_lies_in_memory_where_there_is_such_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert common._place() in (Path("/dev/shm"), Path(tempfile.gettempdir()))
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert common._place() == Path(tempfile.gettempdir())
