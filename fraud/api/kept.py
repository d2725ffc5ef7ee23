"""The copy of the bundle that the workers of a server answer with, and of the verdict on it: one that dies comes back
with them, whatever became of the bundle since.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fraud import bundle
from fraud.api import verdict
from fraud.api.verdict import Verdict
from fraud.bundle import Bundle, Manifest
from fraud.errors import UsageError
from fraud.scorer import Scorer

_COPY = "served"


def keep(read: Bundle, judged: Verdict | None, shared: Path) -> None:
    """Keep a copy of a bundle that answers, in place of the copy before.

    Args:
        judged: what the gates said of it, where they did.
        shared: the folder that the workers share.

    Raises:
        OSError: there is no room for it: the copy before stays, or the new one lacks the verdict.
    """
    with _locked(shared, fcntl.LOCK_EX):
        if not bundle.holds(shared / _COPY, read.manifest):
            bundle.write(shared / _COPY, read.model, read.manifest, read.reasons)
        if judged is not None:
            verdict.write(shared / _COPY, read.manifest.digest, judged)


def load(shared: Path, path: Path, only: Manifest | None = None) -> tuple[Scorer, Verdict | None]:
    """The scorer of the copy or, where there was no room for one, of the bundle at `path`, and the verdict on it.

    Args:
        only: what may be served from `path`; without it any bundle.

    Raises:
        UsageError: neither can be used.
    """
    with suppress(UsageError), _locked(shared, fcntl.LOCK_SH):
        return _loaded(shared / _COPY)
    scorer, judged = _loaded(resolved(path))
    if only is not None and scorer.manifest != only:
        raise UsageError(f"{path} holds {only.version} no more, and no copy was kept: restart the server")
    return scorer, judged


def resolved(path: Path) -> Path:
    """Without links, so that no two files are read of two bundles."""
    return Path(os.path.realpath(path))


def _loaded(folder: Path) -> tuple[Scorer, Verdict | None]:
    scorer = Scorer(folder)
    return scorer, verdict.read(folder, scorer.manifest.digest)


@contextmanager
def _locked(shared: Path, how: int) -> Iterator[None]:
    """Hold the folder's lock, which a process that dies lets go: no copy is read while it is replaced."""
    folder = os.open(shared, os.O_RDONLY)
    try:
        fcntl.flock(folder, how)
        yield
    finally:
        os.close(folder)
