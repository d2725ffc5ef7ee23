"""`python -m fraud serve`: the API under granian, in one or more worker processes."""

import gc
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces, RuntimeModes
from granian.log import LogLevels, logger

from fraud import bundle, graph
from fraud.api import common, cores, kept, keys, verdict
from fraud.api.counts import Counts
from fraud.api.keys import Key
from fraud.api.lines import STANDARD_OUTPUT, Lines
from fraud.api.verdict import Verdict
from fraud.bundle import Bundle, Manifest
from fraud.errors import UsageError, reported
from fraud.scorer import tried
from fraud.settings import Settings

if TYPE_CHECKING:
    from fraud.api.limits import Limit

# Threads of a worker for what needs no place: a slow client holds one and a place while it sends its body.
_FREE_THREADS = 16

# Connections that a worker keeps, most of them idle; the kernel lets more of them wait.
_CONNECTIONS = 4_096

# What granian has to say is no line of the access log.
_LOGGED = {
    "console": {"class": "logging.StreamHandler", "formatter": "generic", "stream": "ext://sys.stderr"},
    "access": {"class": "logging.NullHandler"},
}

# Seconds for what is in flight when the server is told to stop: less than the 10 s after which docker kills.
_GRACE = 8

# Seconds between two looks of a worker for its parent.
_PAUSE = 1.0


def run(settings: Settings) -> None:
    """Serve a bundle until SIGTERM or SIGINT.

    Where the settings name one, what takes its place is served from then on; else it is `build/model` as it is now,
    since what takes the place of that no gate has judged yet.

    Raises:
        UsageError: the bundle is missing or was changed, the keys can't be used, or the address can't be listened on.
        SystemExit: 2, the model can't be run, which is said by then; 1, the workers died again and again.
    """
    path = settings.bundle or settings.build / "model"
    folder = kept.resolved(path)
    read = bundle.read(folder)
    allowed = None if settings.api_keys_file is None else keys.read(settings.api_keys_file)
    _limit(settings)
    if settings.log_transactions and not settings.access_log:
        raise UsageError("FRAUD_LOG_TRANSACTIONS has no log to tell them in: switch the access log on")
    address = _free(settings.host, settings.port)
    _try(folder, read.manifest)
    # All that is loaded by now stays. Neither here nor in a worker is garbage looked for in it, which would also write
    # to the memory that the workers share.
    gc.freeze()
    gc.enable()
    # What a worker is told between its birth and `_hear_stop` waits until then.
    os.register_at_fork(
        before=partial(signal.pthread_sigmask, signal.SIG_BLOCK, {signal.SIGTERM}),
        after_in_parent=partial(signal.pthread_sigmask, signal.SIG_UNBLOCK, {signal.SIGTERM}),
    )
    with common.made() as shared:
        _keep(read, verdict.read(folder, read.manifest.digest), shared)
        if allowed is not None:
            _keep_keys(allowed, shared)
        application = partial(_application, settings, path, read.manifest, shared, os.getpid())
        _serve(settings, address, application, read.manifest.version)


def _try(folder: Path, manifest: Manifest) -> None:
    """Let the model answer in a process of its own: in this one it would not survive the fork of the workers.

    Meanwhile the application is loaded here, which takes longer: what runs before loads Flask only to check a limit.
    """
    # Once for all: to import them starts no thread, which would be missing after a fork.
    graph.runtime()
    trial = multiprocessing.get_context("fork").Process(target=_trial, args=(folder, manifest))
    trial.start()
    import_module("fraud.api.app")
    trial.join()
    code = trial.exitcode or 0
    if code < 0:
        raise UsageError(f"{folder} kills the process that loads it (signal {-code}): remove it and run `make train`")
    if code > 0:
        raise SystemExit(code)


def _trial(folder: Path, manifest: Manifest) -> None:
    def answers() -> int:
        tried(folder, manifest)
        return 0

    raise SystemExit(reported("fraud serve", answers))


def _keep(read: Bundle, judged: Verdict | None, shared: Path) -> None:
    try:
        kept.keep(read, judged, shared)
    except OSError as error:
        print(f"error: {shared}: {error.strerror}; a worker that dies reads the bundle again", file=sys.stderr)


def _keep_keys(allowed: tuple[Key, ...], shared: Path) -> None:
    try:
        keys.keep(allowed, shared)
    except OSError as error:
        print(f"error: {shared}: {error.strerror}; a worker that dies reads the keys again", file=sys.stderr)


def _serve(settings: Settings, address: str, application: Callable[[], Any], version: str) -> None:
    # Loaded by now, while the model was tried.
    from fraud.api.overload import PLACES

    # It warns of more threads than cores: most of them sleep.
    logger.addFilter(lambda record: "Python threads" not in record.getMessage())
    server = _Server(
        "fraud.api",
        address,
        settings.port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=PLACES + _FREE_THREADS,
        backpressure=_CONNECTIONS,
        # One connection of HTTP/2 asks as often at once as it likes.
        http=HTTPModes.http1,
        # The mode "mt", the default for WSGI, may miss the end of its own tasks and hang when it is told to stop.
        runtime_mode=RuntimeModes.st,
        respawn_failed_workers=True,
        workers_kill_timeout=_GRACE,
        log_level=LogLevels.warning,
        log_dictconfig={"handlers": _LOGGED},
    )
    print(f"serving {version} on http://{settings.host}:{settings.port}", file=sys.stderr, flush=True)
    server.serve(target_loader=application, wrap_loader=False)


class _Server(Granian):  # type: ignore[misc, valid-type]
    """granian, told once: its handler sets an event, and a second signal in the midst of that would wait for ever.

    `make`, told to stop, tells its child again, which the process group has told already.
    """

    def signal_handler_interrupt(self, *arguments: Any) -> None:
        """Stop, and hear no further signal."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        super().signal_handler_interrupt(*arguments)


def _application(settings: Settings, path: Path, manifest: Manifest, shared: Path, parent: int) -> Any:
    """The application, made inside a worker: a model that was loaded before the fork would not survive it."""
    from fraud.api.app import create_server_app

    # Ctrl-C reaches the parent alone, which tells its workers.
    os.setpgid(0, 0)
    cores.stay(shared, settings.workers)
    lines = Lines(STANDARD_OUTPUT) if settings.access_log else None
    _hear_stop(lines)
    threading.Thread(target=_stop_without, args=(parent,), daemon=True).start()
    try:
        followed = settings.bundle is not None
        scorer, judged = kept.load(shared, path, None if followed else manifest)
        limit = _limit(settings)
        return create_server_app(
            scorer,
            lines,
            Counts(shared),
            settings.api_keys_file,
            limit,
            path if followed else None,
            judged,
            settings.log_transactions,
            shared,
        )
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        raise SystemExit(2) from None


def _hear_stop(lines: Lines | None) -> None:
    """Hear in a thread of its own that the worker shall stop, and tell granian.

    A handler of Python's runs in the main thread, and what that waits at does not notice a signal that comes while it
    goes to wait.
    """
    # Until granian sets a handler of its own, there is the parent's, which was inherited.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=_stop_when_told, args=(lines,), daemon=True).start()


def _stop_when_told(lines: Lines | None) -> None:
    signal.sigwait({signal.SIGTERM})
    if lines is not None:
        lines.wait_no_more()
    handler = signal.getsignal(signal.SIGTERM)
    if callable(handler):
        handler(signal.SIGTERM, None)
    else:
        # It does not serve yet: nothing is in flight.
        os._exit(0)


def _stop_without(parent: int) -> None:
    """Stop the worker as its parent does, once that was killed: else it would serve on, and keep the port."""
    while os.getppid() == parent:
        time.sleep(_PAUSE)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE)
    os.kill(os.getpid(), signal.SIGKILL)


def _limit(settings: Settings) -> "Limit | None":
    if settings.rate_limit is None:
        if settings.rate_store is not None:
            raise UsageError("FRAUD_RATE_STORE has nothing to count: set FRAUD_RATE_LIMIT, too")
        return None
    from fraud.api import limits

    store = None if settings.rate_store is None else settings.rate_store.get_secret_value()
    return limits.limit(settings.rate_limit, settings.workers, store)


def _free(host: str, port: int) -> str:
    """The numeric address of `host`, once it is sure that `port` is free there.

    granian shares its port between processes (SO_REUSEPORT), so a second server would start beside the first unseen.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
            trial.listen()
    except OSError as error:
        raise UsageError(
            f"can't listen on {host}:{port} ({error.strerror}): set FRAUD_HOST and FRAUD_PORT to a free address"
        ) from None
    return str(address[0])
