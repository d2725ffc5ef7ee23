"""Time and memory of one command."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import psutil

# Summing the set size of every page costs time of its own: once a second finds the peaks that last.
_EVERY = 1.0


@dataclass(frozen=True)
class Measured:
    """Wall-clock seconds, and the peak in bytes of the proportional set size of the process and its children."""

    seconds: float
    peak: int


def command(arguments: Sequence[str], environment: Mapping[str, str], done: Collection[int] = (0,)) -> Measured:
    """Run a command to its end.

    Raises:
        RuntimeError: its exit code is not in `done`; the message is the end of what it printed.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        arguments, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    peak = [0]
    watcher = threading.Thread(target=_watch, args=(process.pid, peak), daemon=True)
    watcher.start()
    printed, _ = process.communicate()
    seconds = time.perf_counter() - started
    if process.returncode not in done:
        raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}:\n{printed[-2_000:]}")
    print(printed, file=sys.stderr)
    return Measured(seconds, peak[0])


def _watch(pid: int, peak: list[int]) -> None:
    # Proportional, so that pages which workers share count once.
    while True:
        try:
            process = psutil.Process(pid)
            members = [process, *process.children(recursive=True)]
            peak[0] = max(peak[0], sum(member.memory_full_info().pss for member in members))
        except psutil.NoSuchProcess:
            if not psutil.pid_exists(pid):
                return
        time.sleep(_EVERY)
