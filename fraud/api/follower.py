"""Keeps the model of a worker up with the bundle at a path, which may be a link that is replaced."""

import logging
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from fraud import artefacts, bundle
from fraud.api.live import Live, Model
from fraud.api.metrics import Metrics
from fraud.errors import UsageError
from fraud.scorer import Scorer

# Seconds between two looks. The second that finds a change unchanged loads it: before, it may still be being copied.
_PAUSE = 1.0

# The link to the bundle that answers, in the folder that workers share.
_SERVED = "served"

_log = logging.getLogger(__name__)

_State = tuple[Path, tuple[tuple[int, int, int] | None, ...]]


def load(path: Path, shared: Path) -> Scorer:
    """The scorer of the bundle at `path` or, where that can't be used, of the one that other workers answer with.

    So a worker that dies comes back, whatever became of the bundle since.

    Raises:
        UsageError: neither can be used.
    """
    try:
        return Scorer(_resolved(path))
    except UsageError:
        if not (shared / _SERVED).is_symlink():
            raise
        return Scorer(_resolved(shared / _SERVED))


class Follower:
    """Exchanges the model of `live` for that of the bundle at `path` once there is another one, if it can be used.

    Args:
        path: the bundle's folder, or a link to it.
        shared: a folder of all workers, for `load`.
    """

    def __init__(self, path: Path, live: Live, metrics: Metrics, shared: Path) -> None:
        self._path = path
        self._shared = shared
        self._live = live
        self._metrics = metrics
        self._seen: _State | None = None
        self._judged: _State | None = None
        metrics.serves(live.current.version)

    def start(self) -> None:
        """Look from now on, in a thread of its own."""
        threading.Thread(target=self._follow, name="follower", daemon=True).start()

    def look(self) -> None:
        """Look once. What can't be used is told once, and left alone until it changes."""
        state = _state(self._path)
        settled = state == self._seen
        self._seen = state
        if not settled or state == self._judged:
            return
        try:
            self._load(state[0])
        except Exception as error:
            # What changed while it was read is not judged by a half of it.
            if _state(self._path) != state:
                return
            self._refuse(error, state[0])
        else:
            self._live.refused = None
            self._metrics.refuses(False)
            self._keep(state[0])
        self._judged = state

    def _follow(self) -> None:
        while True:
            time.sleep(_PAUSE)
            self.look()

    def _load(self, folder: Path) -> None:
        before = self._live.current
        if bundle.read(folder).manifest != before.scorer.manifest:
            scorer = Scorer(folder)
            scorer.self_test()
            self._live.current = Model(scorer)
            self._metrics.reloaded("loaded")
            self._metrics.serves(scorer.manifest.version, instead_of=before.version)
            _log.warning("serving %s instead of %s", scorer.manifest.version, before.version)

    def _keep(self, folder: Path) -> None:
        # A full disk costs what a worker that comes back would need, and no answer.
        with suppress(OSError), artefacts.replacing(self._shared / _SERVED) as temporary:
            temporary.symlink_to(folder)

    def _refuse(self, error: Exception, folder: Path) -> None:
        bug = None if isinstance(error, UsageError) else error
        # Everybody may read it: not where it lies, and nothing of a bug.
        reason = str(error).replace(f"{folder.parent}{os.sep}", "")
        self._live.refused = reason if bug is None else "there is a bug: see the log"
        self._metrics.reloaded("refused")
        self._metrics.refuses(True)
        _log.error("%s; %s goes on serving", error, self._live.current.version, exc_info=bug)


def _state(path: Path) -> _State:
    """What tells one bundle from another without reading it: where it is, and each file's state."""
    folder = _resolved(path)
    return folder, tuple(artefacts.state(folder / name) for name in (bundle.MANIFEST, bundle.MODEL, bundle.REASONS))


def _resolved(path: Path) -> Path:
    """Without links, so that no two files are read of two bundles."""
    return Path(os.path.realpath(path))
