"""Workers and their cores: each its own, where there are as many, and who comes in another's place takes its core."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fraud.api import cores
from tests.e2e.serving import serving


@pytest.fixture
def two() -> Iterator[set[int]]:
    """This process may use two cores."""
    before = os.sched_getaffinity(0)
    if len(before) < 2:
        pytest.skip("one core on this machine")
    kept = set(sorted(before)[-2:])
    os.sched_setaffinity(0, kept)
    yield kept
    os.sched_setaffinity(0, before)


@pytest.mark.parametrize("workers", [1, 3])
def test_where_there_are_not_as_many_the_kernel_chooses(two: set[int], tmp_path: Path, workers: int) -> None:
    assert cores.stay(tmp_path, workers) is None
    assert os.sched_getaffinity(0) == two


def test_each_takes_another_one_until_there_is_none(two: set[int], tmp_path: Path) -> None:
    found = []
    for _ in range(3):
        found.append(cores.stay(tmp_path, 2))
        assert os.sched_getaffinity(0) == (two if found[-1] is None else {found[-1]})
        os.sched_setaffinity(0, two)
    assert found == [*sorted(two), None]


def test_a_worker_that_comes_in_the_place_of_one_that_died_has_its_core(two: set[int], bundle_folder: Path) -> None:
    with serving(bundle_folder.parent, workers=2) as running:

        def wait_for_cores_of(count: int, but: int = 0) -> dict[int, set[int]]:
            deadline = time.monotonic() + 30
            while True:
                found = {worker: os.sched_getaffinity(worker) for worker in running.workers() if worker != but}
                if len(found) == count and all(len(own) == 1 for own in found.values()):
                    return found
                assert time.monotonic() < deadline, found
                time.sleep(0.05)

        before = wait_for_cores_of(2)
        assert set.union(*before.values()) == two
        killed = min(before)
        # Every thread of it stays there, granian's own included.
        threads = [int(thread.name) for thread in Path(f"/proc/{killed}/task").iterdir()]
        assert {core for thread in threads for core in os.sched_getaffinity(thread)} == before[killed]
        os.kill(killed, signal.SIGKILL)
        after = wait_for_cores_of(2, but=killed)
        assert set.union(*after.values()) == two
        assert running.stop() == 0
