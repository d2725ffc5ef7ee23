"""How often each may ask: the holder of a key, or each address where no keys are asked for."""

import logging
import math
from collections.abc import Iterable
from http import HTTPStatus
from ipaddress import IPv6Address
from threading import Lock
from time import monotonic, time
from typing import Any, Protocol

from fraud.api.guard import HOLDER, OPEN
from fraud.api.problems import Refused
from fraud.api.reply import Environ, StartResponse
from fraud.errors import UsageError

# Clients told apart at a time, 100 bytes each; those beyond them share one limit, or addresses could fill the memory.
_MOST_CLIENTS = 50_000

# Seconds between two looks for clients that can be forgotten.
_FORGET_EVERY = 1.0

# Seconds by which readings of the clock, and sums of them, may be off.
_ROUNDED = 1e-6

# Seconds that a store may take, and for which one that failed is not asked again.
_STORE_PATIENCE, _STORE_PAUSE = 0.1, 5.0

_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}

_log = logging.getLogger(__name__)


class Limit(Protocol):
    def wait(self, client: str) -> float:
        """Count a request; 0 where it may pass, or the seconds after which the next one may."""


class Limited:
    """A WSGI application in front of another one, which refuses with 429 the requests that come too often.

    What an orchestrator asks is not counted. A list of transactions is one request.
    """

    def __init__(self, application: Any, limit: Limit) -> None:
        self._application = application
        self._limit = limit

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] not in OPEN:
            wait = self._limit.wait(environ.get(HOLDER) or _network(environ["REMOTE_ADDR"]))
            if wait > 0:
                return _refusal(wait).reply(environ).send(environ, start_response)
        answer: Iterable[bytes] = self._application(environ, start_response)
        return answer


def limit(rate: str, workers: int, store: str | None = None) -> Limit:
    """The limit that a worker enforces: its share, or all of it where a store counts for all workers and instances.

    Args:
        rate: such as "100/minute".
        store: the address of a Redis.

    Raises:
        UsageError: there is no request for each worker, or the store can't be used.
    """
    number, _, period = rate.partition("/")
    amount, seconds = int(number), _SECONDS[period]
    # Rounded down, so that the shares never add up to more.
    share = amount // workers
    if share == 0:
        raise UsageError(
            f"FRAUD_RATE_LIMIT={rate} is less than one for each of {workers} workers: say it of a longer time, "
            "such as 60/minute for 1/second, or set FRAUD_WORKERS to fewer"
        )
    own = Share(share, seconds)
    return own if store is None else Shared(_storage(store), amount, period, own)


class Share:
    """`amount` requests in `seconds`, at once or spread, of each client; what was not used comes back evenly.

    It is the generic cell rate algorithm (ITU-T I.371): of each client, it keeps the moment at which all that it asked
    would have been due. Its clock knows no date: setting that changes nothing.
    """

    def __init__(self, amount: int, seconds: float, most_clients: int = _MOST_CLIENTS) -> None:
        self._interval = seconds / amount
        self._seconds = seconds
        self._most_clients = most_clients
        self._lock = Lock()
        self._due: dict[str, float] = {}
        self._forgot = -math.inf

    def wait(self, client: str) -> float:
        """Count a request; 0 where it may pass, or the seconds after which the next one may."""
        with self._lock:
            now = monotonic()
            if client not in self._due and self._full(now):
                client = ""
            due = max(self._due.get(client, now), now) + self._interval
            early = due - now - self._seconds
            if early > _ROUNDED:
                return early
            self._due[client] = due
            return 0.0

    def _full(self, now: float) -> bool:
        """Whether there is no room for another client, once those are forgotten who may ask for all of it again."""
        if len(self._due) >= self._most_clients and now - self._forgot >= _FORGET_EVERY:
            self._forgot = now
            self._due = {client: due for client, due in self._due.items() if due > now}
        return len(self._due) >= self._most_clients


class Shared:
    """A limit that a store counts for all who share it; while that does not answer, each worker enforces its share."""

    def __init__(self, storage: Any, amount: int, period: str, own: Share) -> None:
        from limits import parse
        from limits.strategies import SlidingWindowCounterRateLimiter

        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._rate = parse(f"{amount}/{period}")
        self._own = own
        self._paused_until = -math.inf

    def wait(self, client: str) -> float:
        """Count a request; 0 where it may pass, or the seconds after which the next one may."""
        if monotonic() >= self._paused_until:
            try:
                if self._limiter.hit(self._rate, client):
                    return 0.0
                # A difference of two looks at the same clock within a millisecond.
                return max(self._limiter.get_window_stats(self._rate, client).reset_time - time(), 1e-3)
            except self._limiter.storage.base_exceptions as error:
                self._paused_until = monotonic() + _STORE_PAUSE
                _log.error("FRAUD_RATE_STORE does not answer (%s): each worker enforces its share", error)
        return self._own.wait(client)


def _storage(store: str) -> Any:
    # Only where it is asked for: the library takes longer to load than all else that serves.
    try:
        import redis  # noqa: F401, what RedisStorage loads when it is made
        from limits.storage import RedisStorage

        if store.startswith(("redis://", "rediss://")):
            return RedisStorage(store, socket_timeout=_STORE_PATIENCE, socket_connect_timeout=_STORE_PATIENCE)
    except ImportError:
        raise UsageError("FRAUD_RATE_STORE needs a library: pip install 'limits[redis]'") from None
    except ValueError:
        pass
    # It may hold a password.
    raise UsageError("FRAUD_RATE_STORE is not the address of a Redis: redis://HOST:PORT is")


def _network(address: str) -> str:
    """Whom an address stands for: of IPv6, a household has 2^64 of them at the least."""
    if ":" not in address:
        return address
    parsed = IPv6Address(address)
    return str(parsed.ipv4_mapped or int(parsed) >> 64)


def _refusal(wait: float) -> Refused:
    return Refused(
        HTTPStatus.TOO_MANY_REQUESTS,
        "You ask more often than the limit of this API: ask again later.",
        headers={"Retry-After": str(math.ceil(wait))},
    )
