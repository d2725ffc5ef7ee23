"""What a worker counts, in memory that other workers read and that outlives it."""

import fcntl
import json
import mmap
import os
import secrets
import struct
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from threading import Lock
from typing import IO, NamedTuple

# Of each count its number, and its name padded with zeros.
_MOST = 1_024
_NUMBER = 8
_NAME = 248
_NAMES_AT = _MOST * _NUMBER
_BYTES = _NAMES_AT + _MOST * _NAME

# Places without a name: where what no room is left for is counted, and how many names that are.
_SHARED = _MOST - 1
_LACKING_AT = _MOST - 2

# Names, such as of a family and of the values of its labels.
Name = tuple[str, ...]

# The name under which is told of how many names there was no room for.
LACKING: Name = ("fraud_counts_without_room",)


class Count(NamedTuple):
    """A count of one worker, which may be gone."""

    name: Name
    value: float
    alive: bool


class Counts:
    """Counts in a file of `folder`, all of whose room is taken at once: later a full disk would kill who counts.

    A worker that comes in the place of one that died goes on with its file, so that no file is left behind for each.
    Without a folder, or where it has no room, this process counts for itself alone.
    """

    def __init__(self, folder: Path | None) -> None:
        shared = None if folder is None else _taken(folder)
        self._folder = None if shared is None else folder
        self._memory = mmap.mmap(-1, _BYTES) if shared is None else shared
        self._values = memoryview(self._memory)[:_NAMES_AT].cast("d")
        self._lock = Lock()
        self._places = {name: place for place, (name, _) in enumerate(_listed(self._memory))}
        # Of the same name always the same place, without looking it up behind a lock.
        self.place = cache(self._place)

    def add(self, place: int, amount: float = 1.0) -> None:
        """Add to the count at a place, as `place` finds it."""
        with self._lock:
            self._values[place] += amount

    def set(self, place: int, value: float) -> None:
        """Set the count at a place."""
        with self._lock:
            self._values[place] = value

    def own(self) -> Iterator[Count]:
        """The counts of this worker, and of those whose file it goes on with."""
        return _counted(self._memory, True)

    def all(self) -> Iterator[Count]:
        """The counts of all workers that ever counted in the folder."""
        if self._folder is None:
            yield from self.own()
            return
        for path in sorted(self._folder.glob("*.counts")):
            with path.open("r+b") as file, mmap.mmap(file.fileno(), _BYTES, access=mmap.ACCESS_READ) as memory:
                alive = not _locked(file, fcntl.LOCK_SH)
                yield from _counted(memory, alive)

    def _place(self, *name: str) -> int:
        """Where what has this name is counted; what no room is left for, which is told, shares a place."""
        text = json.dumps(name).encode()
        with self._lock:
            place = self._places.get(name, len(self._places))
            if len(text) > _NAME or place >= _LACKING_AT:
                print(f"error: no room to count {' '.join(name)}: restart the server", file=sys.stderr, flush=True)
                self._values[_LACKING_AT] += 1
                return _SHARED
            at = _NAMES_AT + place * _NAME
            self._memory[at : at + _NAME] = text.ljust(_NAME, b"\0")
            self._places[name] = place
            return place


def _counted(memory: mmap.mmap, alive: bool) -> Iterator[Count]:
    for name, value in _listed(memory):
        yield Count(name, value, alive)
    [lacking] = struct.unpack_from("d", memory, _LACKING_AT * _NUMBER)
    if lacking:
        yield Count(LACKING, lacking, alive)


def _listed(memory: mmap.mmap) -> Iterator[tuple[Name, float]]:
    """The counts in memory of a worker, which may have died while it wrote the last name."""
    for place, value in enumerate(struct.unpack_from(f"{_MOST}d", memory)):
        at = _NAMES_AT + place * _NAME
        try:
            name = tuple(json.loads(memory[at : at + _NAME].rstrip(b"\0")))
        except ValueError:
            return
        yield name, value


def _taken(folder: Path) -> mmap.mmap | None:
    """A file that is this process's from now on, of a worker that died or a new one; None where there is no room.

    While its memory is mapped, it is locked.
    """
    for path in sorted(folder.glob("*.counts")):
        with path.open("r+b") as file:
            if _locked(file, fcntl.LOCK_EX):
                return mmap.mmap(file.fileno(), _BYTES)
    made = folder / f"{secrets.token_hex(8)}.new"
    try:
        with made.open("w+b") as file:
            os.posix_fallocate(file.fileno(), 0, _BYTES)
            fcntl.flock(file, fcntl.LOCK_EX)
            # Others read all files that are named so, at any time.
            made.rename(made.with_suffix(".counts"))
            return mmap.mmap(file.fileno(), _BYTES)
    except OSError as error:
        made.unlink(missing_ok=True)
        print(f"error: {folder}: {error.strerror}; a worker counts for itself alone", file=sys.stderr, flush=True)
        return None


def _locked(file: IO[bytes], how: int) -> bool:
    """Whether it could be locked: nobody else has it open and locked."""
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
