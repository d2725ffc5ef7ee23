"""The keys of the API: who may ask, by the hashes of secrets that only their holders know."""

import hashlib
import hmac
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from fraud import artefacts
from fraud.errors import UsageError

_COPY = "keys"
_NEVER = "never"
_FORM = "NAME SHA256 EXPIRES, the last a date such as 2027-01-31, or `never`"


@dataclass(frozen=True)
class Key:
    """One line of the file: whose key it is, the SHA-256 of the secret, and the last day on which it is good."""

    name: str
    digest: str
    expires: date | None

    @property
    def line(self) -> str:
        return f"{self.name} {self.digest} {self.expires or _NEVER}"

    def expired(self) -> bool:
        return self.expires is not None and datetime.now(UTC).date() > self.expires


def read(path: Path) -> tuple[Key, ...]:
    """The keys of a file, one a line; blank lines and those that begin with # are left out.

    Raises:
        UsageError: it can't be read, or a line of it is no key.
    """
    return tuple(_keys(path, _text(path)))


def holder(keys: tuple[Key, ...], secret: str) -> Key | None:
    """Whose the secret is. The time that it takes tells nothing of the hashes."""
    digest = _digest(secret)
    found = None
    for key in keys:
        if hmac.compare_digest(key.digest, digest):
            found = key
    return found


def add(path: Path, name: str, days: int | None) -> str:
    """Make a key, add its line to the file, and return the secret, which is kept nowhere.

    Args:
        days: after which it is good no longer; None: never.

    Raises:
        UsageError: the name is taken or no name, or the file is none of keys.
    """
    before = _text(path) if path.exists() else ""
    if not name or name.startswith("#") or len(name.split()) != 1:
        raise UsageError(f"{name!r} is no name for a key: give one word")
    if name in {key.name for key in _keys(path, before)}:
        raise UsageError(f"{path} has a key named {name}: give another name, or remove its line first")
    # 256 bits: nobody finds it by trying, so that one round of SHA-256 is hash enough.
    secret = secrets.token_urlsafe(32)
    expires = None if days is None else datetime.now(UTC).date() + timedelta(days=days)
    separator = "" if before.endswith("\n") or not before else "\n"
    _replace(path.resolve(), f"{before}{separator}{Key(name, _digest(secret), expires).line}\n")
    return secret


def keep(keys: tuple[Key, ...], shared: Path) -> None:
    """Keep keys, in place of those before, for a worker that comes when their file can't be used.

    Args:
        shared: the folder that the workers share.

    Raises:
        OSError: there is no room for them: those before stay.
    """
    artefacts.write_text(shared / _COPY, "".join(f"{key.line}\n" for key in keys))


def kept(shared: Path) -> tuple[Key, ...]:
    """The keys that were kept.

    Raises:
        UsageError: there are none.
    """
    return read(shared / _COPY)


def _replace(path: Path, text: str) -> None:
    """Write it in place of the file, readable for whom that was."""
    with artefacts.replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
        if path.exists():
            before = path.stat()
            shutil.copymode(path, temporary)
            # One by one: who may not give a file away may give it to a group of theirs.
            for owner, group in ((-1, before.st_gid), (before.st_uid, -1)):
                with suppress(PermissionError):
                    os.chown(temporary, owner, group)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: the API's keys can't be read ({error})") from None


def _keys(path: Path, text: str) -> Iterator[Key]:
    names = set()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            name, digest, expires = line.split()
            if len(bytes.fromhex(digest)) != hashlib.sha256().digest_size or name in names:
                raise ValueError
            yield Key(name, digest.lower(), None if expires == _NEVER else date.fromisoformat(expires))
        except ValueError:
            raise UsageError(f"{path}, line {number}: no key of its own: {_FORM}") from None
        names.add(name)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
