"""A server under load for a long time: it keeps its memory and its open files, and fails nobody."""

import json
import subprocess
import time
from pathlib import Path
from statistics import fmean

import pytest

from tests.e2e.serving import serving, under_load


@pytest.mark.parametrize(
    ("seconds", "growth"),
    # In seconds there is no more to see than a leak of much at each request: threads still start.
    [(20, 0.2), pytest.param(600, 0.05, marks=[pytest.mark.endurance, pytest.mark.timeout(900)])],
    ids=["brief", "long"],
)
def test_memory_and_open_files_stay_as_they_are(
    seconds: int, growth: float, bundle_folder: Path, blog_transaction: dict[str, float]
) -> None:
    # An alert, which is explained, among others, and a request that is refused.
    alert = blog_transaction | {"V14": -8.0}
    bodies = {
        "one": (blog_transaction, 200),
        "alert": (alert, 200),
        "list": ([blog_transaction, alert] * 50, 200),
        "refused": (blog_transaction | {"V1": None}, 422),
    }
    memory, files = [], []
    with serving(bundle_folder.parent, workers=2, options={"stdout": subprocess.DEVNULL}) as running:
        with under_load(running, [json.dumps(body).encode() for body, _ in bodies.values()]) as callers:
            start = time.monotonic()
            while (passed := time.monotonic() - start) < seconds:
                memory.append((passed, running.private_memory()))
                files.append((passed, running.open_files()))
                time.sleep(seconds / 600)
        for caller, (name, (_, status)) in zip(callers, bodies.items(), strict=True):
            assert caller.failures == [], name
            assert caller.answers.keys() == {status}, name
    second, last = (tenth(memory, seconds, number) for number in (1, 9))
    print(f"{sum(sum(caller.answers.values()) for caller in callers):,} requests,", end=" ")
    print(f"{fmean(second) / 1e6:.1f} MB in the second tenth, {fmean(last) / 1e6:.1f} MB in the last")
    assert fmean(last) / fmean(second) - 1 < growth
    assert max(tenth(files, seconds, 9)) <= max(tenth(files, seconds, 1))


def tenth(samples: list[tuple[float, int]], seconds: int, number: int) -> list[int]:
    """The values of one tenth of the time, from 0: of ten minutes, one."""
    return [value for passed, value in samples if number <= 10 * passed / seconds < number + 1]
