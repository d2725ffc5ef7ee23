"""Room for counts is there before anything is counted, or isn't asked for."""

import os
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from fraud.api import counts

PROBE = "import sys; from pathlib import Path; from fraud.api import counts; print(counts.reserve(Path(sys.argv[1])))"


def test_the_room_is_taken_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "elsewhere")
    assert counts.reserve(tmp_path) == tmp_path
    assert os.environ["PROMETHEUS_MULTIPROC_DIR"] == str(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{kind}_{os.getpid()}.db" for kind in ("counter", "gauge_livesum", "histogram")
    }
    for path in tmp_path.iterdir():
        # Not a hole: blocks that a disk which is full later can't refuse.
        assert path.stat().st_blocks * 512 >= path.stat().st_size >= 200_000


def test_without_room_nothing_is_left_that_another_worker_would_read(
    tmp_path: Path, on_a_full_disk: Callable[..., CompletedProcess[str]]
) -> None:
    done = on_a_full_disk("-c", PROBE, str(tmp_path))
    assert done.stdout == "None\n"
    assert done.stderr == f"error: {tmp_path}: File too large; a worker counts for itself alone\n"
    assert list(tmp_path.iterdir()) == []
