"""What a worker takes on at once: what is beyond it is refused at once, and a slow client holds nobody up."""

import sys
from collections import deque
from collections.abc import Iterable
from http import HTTPStatus
from threading import Lock
from typing import Any

from fraud.api.courtesy import COURTESY, Courtesy
from fraud.api.guard import OPEN
from fraud.api.predict import MOST_BYTES
from fraud.api.problems import Refused
from fraud.api.reply import Environ, StartResponse

# Requests in a worker at once, most of them asleep where they are many: their clients have not sent all of their body.
PLACES = 256

# Bytes that have arrived of all their bodies together.
_BODIES = 8 * MOST_BYTES

# Bytes that are read at once.
_PIECE = 256 * 1024

# Requests that are computed at once: more of them make all late rather than one, fewer make threads wait for each other
# more often. Long lists have turns of their own, so that single transactions need not wait for theirs.
_TURNS = 8
_TURNS_OF_LONG = 2

# Bytes of a body from which on it is long: some 25 transactions.
_LONG = 16 * 1024

# Seconds after which a thread lets another one go on while a long list is computed: well above what one transaction
# takes, and far below what the list does. Elsewhere Python's own, since to change threads costs more than to wait.
_HASTE = 0.0002

# Seconds that a request waits for its turn: sooner than a client gives up, whose answer would be computed for nobody.
_PATIENCE = 1.0


class Overload:
    """A WSGI application in front of another one, which refuses with 503 what can't be answered in time.

    A request has a place until it is answered, and its turn from when its body is there. What an orchestrator asks
    needs neither.

    Args:
        places: requests in the application at once.
        bodies: bytes of their bodies that are held at once.
        turns: requests with a short body, or none, that are computed at once.
        turns_of_long: those with a long one.
        patience: seconds that a request waits for its turn.
    """

    def __init__(
        self,
        application: Any,
        places: int = PLACES,
        bodies: int = _BODIES,
        turns: int = _TURNS,
        turns_of_long: int = _TURNS_OF_LONG,
        patience: float = _PATIENCE,
    ) -> None:
        self._application = application
        self._places = _Room(places)
        self._bodies = _Room(bodies)
        self._turns = _Turns(turns, patience)
        self._turns_of_long = _HastyTurns(turns_of_long, patience)
        self._courtesy = Courtesy()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        answer: Iterable[bytes]
        if environ["PATH_INFO"] in OPEN:
            answer = self._application(environ, start_response)
            return answer
        if not self._places.take(1):
            return _refusal().reply(environ).send(environ, start_response)
        environ[COURTESY] = self._courtesy
        body = _Body(environ["wsgi.input"], self._bodies, self._turns, self._turns_of_long, self._courtesy)
        environ["wsgi.input"] = body
        try:
            if environ["REQUEST_METHOD"] != "POST":
                # It has no body for which to wait.
                body.take_turn()
            answer = self._application(environ, start_response)
        except Refused as refused:
            answer = refused.reply(environ).send(environ, start_response)
        finally:
            body.done()
            self._places.leave(1)
        return answer


class _Room:
    """So much of something."""

    def __init__(self, size: int) -> None:
        self._lock = Lock()
        self.free = size

    def take(self, size: int) -> bool:
        """Whether there was so much left."""
        with self._lock:
            if size > self.free:
                return False
            self.free -= size
            return True

    def leave(self, size: int) -> None:
        with self._lock:
            self.free += size


class _Turns:
    """Lets `count` threads compute at once. The others go in the order in which they came: else some wait for ever."""

    def __init__(self, count: int, patience: float) -> None:
        self._free = count
        self._patience = patience
        self._lock = Lock()
        self._waiting: deque[Lock] = deque()

    def take(self) -> bool:
        """Whether the turn came in time."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            turn = Lock()
            turn.acquire()
            self._waiting.append(turn)
        if turn.acquire(timeout=self._patience):
            return True
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
                return False
        # It came after all.
        return True

    def leave(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1


class _HastyTurns(_Turns):
    """While somebody has one, threads let each other go on sooner."""

    def __init__(self, count: int, patience: float) -> None:
        super().__init__(count, patience)
        self._taken = 0
        self._changing = Lock()
        self._usual = sys.getswitchinterval()

    def take(self) -> bool:
        taken = super().take()
        if taken:
            self._change(1)
        return taken

    def leave(self) -> None:
        self._change(-1)
        super().leave()

    def _change(self, by: int) -> None:
        with self._changing:
            self._taken += by
            sys.setswitchinterval(_HASTE if self._taken else self._usual)


class _Body:
    """The body of a request, whose turn has come once it is read; while it is read, others have theirs."""

    __slots__ = ("_bodies", "_courtesy", "_ended", "_held", "_stream", "_turn", "_turns", "_turns_of_long")

    def __init__(self, stream: Any, bodies: _Room, turns: _Turns, turns_of_long: _Turns, courtesy: Courtesy) -> None:
        self._stream = stream
        self._bodies = bodies
        self._turns = turns
        self._turns_of_long = turns_of_long
        self._courtesy = courtesy
        self._held = 0
        self._ended = False
        self._turn: _Turns | None = None

    def read(self, size: int) -> bytes:
        """Up to `size` bytes.

        Raises:
            Refused: 503, there is no room for them, or the turn did not come in time.
        """
        if self._ended:
            return b""
        self._leave_turn()
        pieces = []
        while size > 0:
            piece = self._stream.read(min(size, _PIECE))
            if not piece:
                # Who asks for more has the turn already.
                self._ended = True
                break
            if not self._bodies.take(len(piece)):
                raise _refusal()
            self._held += len(piece)
            pieces.append(piece)
            size -= len(piece)
        self.take_turn()
        return b"".join(pieces)

    def take_turn(self) -> None:
        """Wait for the turn.

        Raises:
            Refused: 503, it did not come in time.
        """
        turns = self._turns
        if self._held >= _LONG:
            turns = self._turns_of_long
        else:
            self._courtesy.asked()
        if not turns.take():
            raise _refusal()
        self._turn = turns

    def done(self) -> None:
        """Leave the turn, and the room that it took, to others."""
        self._leave_turn()
        self._bodies.leave(self._held)
        self._held = 0

    def _leave_turn(self) -> None:
        if self._turn is not None:
            self._turn.leave()
            self._turn = None


def _refusal() -> Refused:
    return Refused(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "More is asked than can be answered: ask again later.",
        headers={"Retry-After": "1"},
    )
