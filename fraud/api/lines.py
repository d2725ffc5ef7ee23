"""The lines of the access log, written together.

To make and write each when its request is answered costs as much as a decision: a thread that writes lets go of
Python's lock and has to wait for it again, and what is done once in a while is done far more slowly than what is done
again and again.
"""

import atexit
import os
import select
import threading
import time
from collections import deque
from typing import Any

import msgspec

STANDARD_OUTPUT = 1

# Seconds that lines wait for others: what a worker that is killed has not written, it loses.
_WAIT = 0.02

# Lines that wait at most: where they are read more slowly than they are told, those who tell them wait.
_MOST = 10_000

# Bytes that are written at once: Linux's PIPE_BUF. So many do not mix with those of other processes in a pipe, and a
# pipe that says that there is room has room for them.
_AT_ONCE = 4_096

# Seconds for lines whose reader is slow, once the process is to end.
_PATIENCE = 1.0

_encoder = msgspec.json.Encoder()


class Lines:
    """Writes lines of JSON to a file descriptor, soon; a full disk costs the lines, not the answers."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting: deque[Any] = deque()
        self._told = threading.Event()
        self._writing = threading.Lock()
        self._at_once = False
        # Whether the last line was written in part.
        self._torn = False
        atexit.register(self.wait_no_more)
        threading.Thread(target=self._write, name="lines", daemon=True).start()

    def add(self, told: Any) -> None:
        """Write it soon: what msgspec knows as JSON, and nobody changes any more."""
        self._waiting.append(told)
        if self._at_once:
            self._flush(_PATIENCE)
        elif len(self._waiting) > _MOST:
            self.flush()
        elif not self._told.is_set():
            self._told.set()

    def flush(self) -> None:
        """Write all lines that wait."""
        self._flush(None)

    def wait_no_more(self) -> None:
        """Write all lines that wait, and each further one when it is told, since the process ends soon.

        Nobody who does not read them keeps it from that for longer than a second.
        """
        self._at_once = True
        self._flush(_PATIENCE)

    def _write(self) -> None:
        while True:
            self._told.wait()
            time.sleep(_WAIT)
            # Before the lines are looked for: who adds one from now on tells it again.
            self._told.clear()
            self.flush()

    def _flush(self, patience: float | None) -> None:
        """Within so many seconds where they are so many."""
        if not self._writing.acquire(timeout=-1 if patience is None else patience):
            return
        try:
            while self._waiting and (patience is None or self._writable(patience)):
                self._out(self._next())
        finally:
            self._writing.release()

    def _writable(self, patience: float) -> bool:
        """Whether there is room for as much as is written at once, or comes to be in time."""
        return bool(select.select([], [self._descriptor], [], patience)[1])

    def _next(self) -> bytes:
        together = b""
        while self._waiting:
            line = _encoder.encode(self._waiting[0]) + b"\n"
            if together and len(together) + len(line) > _AT_ONCE:
                break
            together += line
            self._waiting.popleft()
        return together

    def _out(self, content: bytes) -> None:
        if self._torn:
            content = b"\n" + content
        written = 0
        try:
            while written < len(content):
                written += os.write(self._descriptor, content[written:])
            self._torn = False
        except OSError:
            self._torn = self._torn or written > 0
