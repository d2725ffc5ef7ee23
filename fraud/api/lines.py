"""The lines of the access log, written together.

To write each when its request is answered costs as much as a decision, since a thread that writes lets go of Python's
lock and has to wait for it again.
"""

import atexit
import os
import threading
import time
from collections import deque

STANDARD_OUTPUT = 1

# Seconds that lines wait for others: what a worker that is killed has not written, it loses.
_WAIT = 0.02

# Lines that wait at most: where they are read more slowly than they are told, those who tell them wait.
_MOST = 10_000

# Bytes that are written at once: so many do not mix with those of other processes in a pipe (POSIX's least PIPE_BUF is
# smaller, Linux's is this).
_AT_ONCE = 4_096


class Lines:
    """Writes lines to a file descriptor, soon; a full disk costs the lines, not the answers."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting: deque[bytes] = deque()
        self._told = threading.Semaphore(0)
        self._writing = threading.Lock()
        self._at_once = False
        atexit.register(self.flush)
        threading.Thread(target=self._write, name="lines", daemon=True).start()

    def add(self, line: bytes) -> None:
        """Write a line soon."""
        self._waiting.append(line)
        waiting = len(self._waiting)
        if self._at_once or waiting > _MOST:
            self.flush()
        elif waiting == 1:
            self._told.release()

    def flush(self) -> None:
        """Write all lines that wait."""
        with self._writing:
            together = b""
            while self._waiting:
                line = self._waiting.popleft()
                if together and len(together) + len(line) > _AT_ONCE:
                    self._out(together)
                    together = b""
                together += line
            self._out(together)

    def wait_no_more(self) -> None:
        """Write all lines that wait, and each further one when it is told: the process ends soon."""
        self._at_once = True
        self.flush()

    def _write(self) -> None:
        while True:
            self._told.acquire()
            time.sleep(_WAIT)
            self.flush()

    def _out(self, content: bytes) -> None:
        try:
            os.write(self._descriptor, content)
        except OSError:
            return
