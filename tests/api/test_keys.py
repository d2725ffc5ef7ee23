import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fraud.api import keys
from fraud.errors import UsageError

DIGEST = hashlib.sha256(b"secret").hexdigest()


def test_a_key_that_was_made_is_found_by_its_secret_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    secrets = {name: keys.add(path, name, days) for name, days in (("till", 30), ("batch", None))}
    assert len(set(secrets.values())) == 2
    read = keys.read(path)
    for name, secret in secrets.items():
        found = keys.holder(read, secret)
        assert found is not None
        assert (found.name, found.expired()) == (name, False)
        assert secret not in path.read_text()
        assert len(secret) >= 43
    assert keys.holder(read, "another") is None
    assert keys.holder(read, DIGEST) is None
    assert keys.holder(read, read[0].digest) is None


def test_a_key_is_good_until_the_end_of_its_last_day(tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    for days, expired in ((0, False), (-1, True)):
        assert keys.Key("a", DIGEST, today + timedelta(days=days)).expired() == expired
    assert not keys.Key("a", DIGEST, None).expired()
    path = tmp_path / "keys"
    keys.add(path, "till", 30)
    assert keys.read(path)[0].expires == today + timedelta(days=30)


def test_what_stands_in_the_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"# tills\n\nold {DIGEST.upper()} 2020-01-31")
    keys.add(path, "new", None)
    first, second, third, fourth = path.read_text().splitlines()
    assert (first, second, third) == ("# tills", "", f"old {DIGEST.upper()} 2020-01-31")
    assert fourth.startswith("new ")
    old, new = keys.read(path)
    assert (old.digest, old.expired(), new.name) == (DIGEST, True, "new")


def test_a_file_with_a_new_key_is_where_it_was_and_whose_it_was(tmp_path: Path) -> None:
    path, link = tmp_path / "keys", tmp_path / "link"
    path.write_text("# tills\n")
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 1_234, 5_678)
    before = path.stat()
    link.symlink_to(path.name)
    keys.add(link, "till", None)
    after = path.stat()
    assert link.is_symlink()
    assert keys.read(path)[0].name == "till"
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


def test_a_file_whose_owner_can_not_be_kept_gets_the_key_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    path = tmp_path / "keys"
    keys.add(path, "till", None)
    path.chmod(0o660)
    monkeypatch.setattr(os, "chown", refused)
    keys.add(path, "batch", None)
    assert len(keys.read(path)) == 2
    assert path.stat().st_mode & 0o777 == 0o660


@pytest.mark.parametrize(
    "line",
    [
        "name",
        f"name {DIGEST}",
        f"name {DIGEST[:-2]} never",
        f"name {DIGEST[:-1]}x never",
        f"name {DIGEST} 2027-13-01",
        f"name {DIGEST} ever",
        f"name {DIGEST} never more",
        f"twice {DIGEST} never",
    ],
)
def test_a_line_that_is_no_key_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "keys"
    path.write_text(f"twice {DIGEST} never\n\n{line}\n")
    with pytest.raises(UsageError, match="keys, line 3: no key of its own: NAME SHA256 EXPIRES"):
        keys.read(path)
    before = path.read_text()
    with pytest.raises(UsageError):
        keys.add(path, "new", 1)
    assert path.read_text() == before


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_file_that_can_not_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "keys"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match="keys: the API's keys can't be read"):
        keys.read(path)


@pytest.mark.parametrize("name", ["", "two words", "#comment", "taken", "line\nbreak"])
def test_a_name_that_is_none_of_its_own_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "keys"
    keys.add(path, "taken", None)
    with pytest.raises(UsageError, match="name"):
        keys.add(path, name, None)
    assert len(keys.read(path)) == 1
