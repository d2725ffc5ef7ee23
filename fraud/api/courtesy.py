"""Long lists make way for short requests, which would wait for all of what a list computes at once."""

import time
from collections.abc import Iterator

# Where a request finds it, which was told of the others.
COURTESY = "fraud.courtesy"

# Rows that are computed at once, each in some 0.01 ms: fewer would take longer together.
_PIECE = 50

# Seconds after a short request for which lists make way.
_LATELY = 0.5

# Seconds: what waits for the core gets it if a thread sleeps at all. To yield is not enough, since the kernel lets who
# computes finish a slice that is longer than a transaction takes; nor would a lower priority be, with which a thread
# might keep the interpreter's lock while others have the core.
_PAUSE = 1e-6


class Courtesy:
    """Knows whether short requests came lately."""

    def __init__(self) -> None:
        self._asked = -float("inf")

    def asked(self) -> None:
        """There is a short request."""
        self._asked = time.monotonic()

    def pieces(self, count: int) -> Iterator[slice]:
        """Slices that make `count` rows together, in order, each of which is computed when it is asked for.

        All at once while nobody else asks; else so many that others come to their turn between them.
        """
        if count <= _PIECE or not self.needed():
            yield slice(0, count)
            return
        for begin in range(0, count, _PIECE):
            time.sleep(_PAUSE)
            yield slice(begin, begin + _PIECE)

    def needed(self) -> bool:
        """Whether there was a short request lately."""
        return time.monotonic() - self._asked < _LATELY


# Of a request that nobody told of others.
ALONE = Courtesy()
