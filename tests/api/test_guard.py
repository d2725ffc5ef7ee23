import json
from pathlib import Path

import pytest
from werkzeug.test import Client, TestResponse

from fraud.api import guard, keys
from fraud.api.app import create_server_app
from fraud.api.lines import Lines
from fraud.errors import UsageError
from fraud.scorer import Scorer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def secret(path: Path) -> str:
    return keys.add(path, "till", 30)


@pytest.fixture
def client(bundle_folder: Path, path: Path, secret: str, lines: Lines) -> Client:
    return Client(create_server_app(Scorer(bundle_folder), lines, api_keys=path))


def ask(client: Client, authorization: str | None, address: str = "/model") -> TestResponse:
    return client.get(address, headers={} if authorization is None else {"Authorization": authorization})


def test_a_key_opens_and_its_holder_is_told_in_the_log(
    client: Client, secret: str, lines: Lines, blog_transaction: dict[str, float], capfd: pytest.CaptureFixture[str]
) -> None:
    headers = {"Authorization": f"Bearer {secret}"}
    assert client.post("/predict", json=blog_transaction, headers=headers).status_code == 200
    assert ask(client, f"bearer {secret}").status_code == 200
    lines.flush()
    told = capfd.readouterr().out
    assert {json.loads(line)["holder"] for line in told.splitlines()} == {"till"}
    assert secret not in told


@pytest.mark.parametrize("sent", [None, "", "Bearer", "Bearer wrong", "Basic {}", "{}", "Bearer {}x", "Bearer \xff"])
@pytest.mark.parametrize("address", ["/model", "/metrics", "/predict", "/no/such/address"])
def test_without_a_key_nothing_is_told(client: Client, secret: str, sent: str | None, address: str) -> None:
    response = ask(client, None if sent is None else sent.format(secret), address)
    assert (response.status_code, response.mimetype) == (401, "application/problem+json")
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert "Authorization: Bearer KEY" in json.loads(response.data)["detail"]


@pytest.mark.parametrize("address", ["/health", "/ready"])
def test_what_an_orchestrator_asks_needs_none(client: Client, address: str) -> None:
    assert ask(client, None, address).status_code == 200


def test_a_key_that_expired_is_refused_by_name(bundle_folder: Path, path: Path, secret: str) -> None:
    path.write_text(path.read_text().rpartition(" ")[0] + " 2020-01-31\n")
    client = Client(create_server_app(Scorer(bundle_folder), api_keys=path))
    response = ask(client, f"Bearer {secret}")
    assert response.status_code == 403
    assert "The key till expired on 2020-01-31" in json.loads(response.data)["detail"]


def test_the_file_is_read_again_once_it_has_changed(
    client: Client, path: Path, secret: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = [guard.monotonic()]
    monkeypatch.setattr(guard, "monotonic", lambda: clock[0])
    another = keys.add(path, "another", None)
    assert ask(client, f"Bearer {another}").status_code == 401
    clock[0] += 5
    assert ask(client, f"Bearer {another}").status_code == 200
    # What can't be used any more changes nothing, and is told.
    path.write_text("nonsense\n")
    clock[0] += 5
    assert ask(client, f"Bearer {another}").status_code == 200
    assert "line 1: no key of its own" in caplog.text
    path.unlink()
    clock[0] += 5
    assert ask(client, f"Bearer {another}").status_code == 200
    # A key whose line is gone opens no more.
    path.write_text("")
    clock[0] += 5
    assert ask(client, f"Bearer {another}").status_code == 401
    assert ask(client, f"Bearer {secret}").status_code == 401


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    (tmp_path / "shared").mkdir()
    return tmp_path / "shared"


def restarted(bundle_folder: Path, path: Path, shared: Path) -> Client:
    """A worker that comes in the place of one that died."""
    return Client(create_server_app(Scorer(bundle_folder), api_keys=path, shared=shared))


@pytest.mark.parametrize("content", ["nonsense\n", None])
def test_a_worker_that_comes_later_has_the_keys_that_were_good_last(
    bundle_folder: Path,
    path: Path,
    secret: str,
    shared: Path,
    content: str | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = [guard.monotonic()]
    monkeypatch.setattr(guard, "monotonic", lambda: clock[0])
    client = restarted(bundle_folder, path, shared)
    another = keys.add(path, "another", None)
    clock[0] += 5
    assert ask(client, f"Bearer {another}").status_code == 200
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    come = restarted(bundle_folder, path, shared)
    assert "the keys stay as they were" in caplog.text
    for good in (secret, another):
        assert ask(come, f"Bearer {good}").status_code == 200
    assert ask(come, "Bearer wrong").status_code == 401
    # The file is good again, and a line is gone from it.
    path.write_text("")
    clock[0] += 5
    assert ask(come, f"Bearer {secret}").status_code == 401


def test_no_secret_is_kept(bundle_folder: Path, path: Path, secret: str, shared: Path) -> None:
    restarted(bundle_folder, path, shared)
    [kept] = shared.iterdir()
    assert keys.read(kept) == keys.read(path)
    assert secret not in kept.read_text()


def test_keys_that_are_not_kept_for_want_of_room_are_told(
    path: Path, secret: str, caplog: pytest.LogCaptureFixture
) -> None:
    # No folder: nothing can be written in it.
    guarded = guard.Guard(None, path, path)
    assert "no copy of the keys is kept" in caplog.text
    assert guarded._holder(f"Bearer {secret}") == "till"


def test_keys_that_can_not_be_used_are_said_at_once(bundle_folder: Path, path: Path) -> None:
    with pytest.raises(UsageError, match="can't be read"):
        create_server_app(Scorer(bundle_folder), api_keys=path)
