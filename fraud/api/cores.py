"""A core for each worker, where there are as many: what a request needs is then still near the core that answers it."""

import fcntl
import os
from pathlib import Path


def stay(shared: Path, workers: int) -> int | None:
    """Keep this worker, and the threads that it starts from now on, on a core that none of the others has.

    Only where each core of this process's has a worker then: elsewhere the workers of one container might crowd a core
    that another one's have taken, too, while others idle.

    Args:
        shared: a folder of these workers alone, where they tell each other which cores they have.

    Returns:
        the core; None where the kernel chooses.
    """
    # Linux alone lets a process choose.
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) != workers:
        return None
    for core in cores:
        taken = os.open(shared / f"{core}.core", os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            fcntl.flock(taken, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(taken)
        else:
            # Open as long as the worker lives: whoever comes in its place takes its core.
            os.sched_setaffinity(0, {core})
            return core
    return None
