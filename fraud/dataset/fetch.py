"""Getting the genuine data from a public mirror: resumed where it broke off, checked before it takes its name."""

import os
import queue
import threading
import zipfile
from collections.abc import Callable, Sequence
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import TypeVar

import requests

from fraud.artefacts import replacing
from fraud.dataset import mirrors as addresses
from fraud.dataset.load import load
from fraud.dataset.mirrors import Mirror
from fraud.dataset.published import PUBLISHED, Facts, differences
from fraud.errors import UsageError
from fraud.terminal import bar, say

# Seconds until a mirror has answered, its name's resolution included; and without a byte before a download is dropped.
ANSWER_WITHIN = 5.0
_SILENT = 20.0

# What a connection had of a chunk when it broke off is lost.
_CHUNK = 1 << 14

T = TypeVar("T")


def fetch(
    path: Path,
    mirrors: Sequence[Mirror] | None = None,
    facts: Facts = PUBLISHED,
    answer_within: float = ANSWER_WITHIN,
) -> str:
    """Write the genuine data to `path`, a CSV, from the first mirror that has it; returns that mirror's name.

    What came of a download that broke off stays beside `path` in a hidden file, from which the next call goes on.

    Args:
        path: takes its name only once the file agrees with `facts`.
        mirrors: in the order in which they are tried; by default those that are known.
        facts: that the file must agree with.
        answer_within: seconds until a mirror has answered.

    Raises:
        UsageError: no mirror gave the file; says why of each.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    failures = []
    for mirror in addresses.known() if mirrors is None else mirrors:
        part = path.with_name(f".{path.name}.{mirror.name}.part")
        try:
            say(f"getting {path.name} from {mirror.name}: {mirror.url}")
            _download(mirror, part, answer_within)
            _accept(mirror, part, path, facts)
        # Every one of requests' own errors is an OSError.
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            failures.append(f"{mirror.name}: {_reason(error)}")
            continue
        for leftover in path.parent.glob(f".{path.name}.*.part"):
            leftover.unlink()
        return mirror.name
    raise UsageError(f"no mirror gave {path.name} ({'; '.join(failures)})")


def _download(mirror: Mirror, part: Path, answer_within: float) -> None:
    """Download to `part`; where the connection is cut, go on from there for as long as every try gets further."""
    while True:
        before = _size(part)
        try:
            _download_rest(mirror, part, answer_within)
            return
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
            if _size(part) <= before:
                raise


def _download_rest(mirror: Mirror, part: Path, answer_within: float) -> None:
    start = _size(part)
    # Offsets count the bytes of the file itself, not of a compressed transfer.
    headers = {"Accept-Encoding": "identity"}
    if start:
        # The part carries its source's date, so that a server whose file has changed since sends all of it.
        headers |= {"Range": f"bytes={start}-", "If-Range": formatdate(part.stat().st_mtime, usegmt=True)}
    with _within(answer_within, lambda: _get(mirror, headers, answer_within)) as response:
        if start and response.status_code == requests.codes.requested_range_not_satisfiable:
            part.unlink()
            return _download_rest(mirror, part, answer_within)
        response.raise_for_status()
        continues = response.status_code == requests.codes.partial_content
        try:
            _write(response, part, start if continues else 0)
        finally:
            modified = response.headers.get("Last-Modified")
            if modified and part.exists():
                seconds = parsedate_to_datetime(modified).timestamp()
                os.utime(part, (seconds, seconds))


def _get(mirror: Mirror, headers: dict[str, str], answer_within: float) -> requests.Response:
    return requests.get(
        mirror.url, headers=headers, auth=mirror.credentials, stream=True, timeout=(answer_within, _SILENT)
    )


def _within(seconds: float, call: Callable[[], T]) -> T:
    """Call in a thread that is left behind after `seconds`.

    A time-out given to requests holds for each address of a host, and not at all while its name is resolved: behind a
    firewall that drops packets, minutes pass.
    """
    outcome: queue.SimpleQueue[T | Exception] = queue.SimpleQueue()

    def work() -> None:
        try:
            outcome.put(call())
        except Exception as error:  # it is raised again by the caller
            outcome.put(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        result = outcome.get(timeout=seconds)
    except queue.Empty:
        raise requests.Timeout(f"no answer within {seconds:g} s") from None
    if isinstance(result, Exception):
        raise result
    return result


def _write(response: requests.Response, part: Path, start: int) -> None:
    length = response.headers.get("Content-Length")
    total = (start + int(length)) / 1e6 if length else None
    with bar() as progress, part.open("ab" if start else "wb") as file:
        task = progress.add_task("MB", total=total)
        progress.advance(task, start / 1e6)
        for chunk in response.iter_content(_CHUNK):
            file.write(chunk)
            progress.advance(task, len(chunk) / 1e6)


def _accept(mirror: Mirror, part: Path, path: Path, facts: Facts) -> None:
    try:
        with replacing(path) as temporary:
            mirror.unpack(part, temporary)
            try:
                wrong = differences(load(temporary), facts)
            except UsageError as error:
                wrong = [str(error).replace(str(temporary), path.name)]
            if wrong:
                raise ValueError(f"not the published data: {', '.join(wrong)}")
    finally:
        # Complete, it has become the data or is of no use: the next try is to start anew.
        part.unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _reason(error: Exception) -> str:
    """One line, in a person's words where the library's own name every object on the way."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP status {error.response.status_code}"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off, and again without a byte more: try again later"
    if isinstance(error, requests.ConnectionError) and not isinstance(error, requests.Timeout):
        return "no connection"
    return " ".join(str(error).split()) or type(error).__name__
