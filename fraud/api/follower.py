"""Keeps the model of a worker up with the bundle at a path, which may be a link that is replaced."""

import logging
import os
import threading
import time
from pathlib import Path

from fraud import artefacts, bundle
from fraud.api import kept, verdict
from fraud.api.live import Live, Model
from fraud.api.metrics import Metrics
from fraud.bundle import Bundle
from fraud.errors import UsageError
from fraud.scorer import tried

# Seconds between two looks. The second that finds a change unchanged loads it: before, it may still be being copied.
_PAUSE = 1.0

_log = logging.getLogger(__name__)

_State = tuple[Path, tuple[tuple[int, int, int] | None, ...]]


class Follower:
    """Exchanges the model of `live` for that of the bundle at `path` once there is another one, if it can be used.

    Args:
        path: the bundle's folder, or a link to it.
        shared: where the copy of what answers is kept.
    """

    def __init__(self, path: Path, live: Live, metrics: Metrics, shared: Path) -> None:
        self._path = path
        self._shared = shared
        self._live = live
        self._metrics = metrics
        self._seen: _State | None = None
        self._judged: _State | None = None

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
            read = self._load(state[0])
        except Exception as error:
            # What changed while it was read is not judged by a half of it.
            if _state(self._path) != state:
                return
            self._refuse(error, state[0])
        else:
            self._live.refused = None
            self._metrics.refuses(False)
            self._keep(read)
        self._judged = state

    def _follow(self) -> None:
        told = None
        while True:
            time.sleep(_PAUSE)
            try:
                self.look()
                told = None
            except Exception as error:
                if repr(error) != told:
                    told = repr(error)
                    _log.exception("can't look at %s; it is looked at again", self._path)

    def _load(self, folder: Path) -> Bundle:
        before = self._live.current
        read = bundle.read(folder)
        if read.manifest != before.scorer.manifest:
            scorer = tried(folder, read.manifest)
            self._live.current = Model(scorer, verdict.read(folder, scorer.manifest.digest))
            self._metrics.reloaded("loaded")
            self._metrics.serves(scorer.manifest.version, instead_of=before.version)
            _log.warning("serving %s instead of %s", scorer.manifest.version, before.version)
        return read

    def _keep(self, read: Bundle) -> None:
        try:
            kept.keep(read, self._live.current.verdict, self._shared)
        except OSError as error:
            _log.warning("no copy of %s is kept for a worker that dies (%s)", read.manifest.version, error.strerror)

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
    folder = kept.resolved(path)
    return folder, tuple(artefacts.state(folder / name) for name in (bundle.MANIFEST, bundle.MODEL, bundle.REASONS))
