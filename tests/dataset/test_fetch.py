"""Against a real HTTP server on this machine."""

import hashlib
import json
import threading
import time
import zipfile
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pandas as pd
import pytest

from fraud import schema
from fraud.dataset import mirrors
from fraud.dataset.fetch import fetch
from fraud.dataset.load import load
from fraud.dataset.mirrors import Mirror
from fraud.dataset.published import measured
from fraud.errors import UsageError

MODIFIED = formatdate(1_400_000_000, usegmt=True)


class Server(ThreadingHTTPServer):
    """Serves `files` by path; `cuts` says after how many bytes of a path its next connections break off."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.cuts, self.modified = {}, {}, MODIFIED
        self.requests, self.released = [], threading.Event()

    def address(self, path):
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append((self.path, dict(self.headers)))
        if self.path == "/silent":
            self.server.released.wait(10)
            return
        if self.path == "/private" and self.headers.get("Authorization") != "Basic bWU6c2VjcmV0":
            self.send_error(401)
            return
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        start = 0
        asked = self.headers.get("Range")
        if asked and self.headers.get("If-Range") == self.server.modified:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Last-Modified", self.server.modified)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        cuts = self.server.cuts.get(self.path)
        self.wfile.write(content[start : start + cuts.pop(0)] if cuts else content[start:])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server() as serving:
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield serving
        serving.released.set()
        serving.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(3)
    values = {name: rng.normal(size=300) for name in schema.FEATURES}
    return pd.DataFrame({**values, "Class": np.repeat([0, 1], [280, 20]).astype("int8")})


@pytest.fixture(scope="module")
def content(frame):
    return frame.to_csv(index=False).encode()


@pytest.fixture(scope="module")
def facts(frame):
    return measured(frame)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "data" / "creditcard.csv"


def ranges(server):
    return [headers.get("Range") for _, headers in server.requests]


def left(target):
    return sorted(path.name for path in target.parent.iterdir())


def test_the_file_takes_its_name_as_it_was_sent(server, target, content, facts):
    server.files["/data.csv"] = content
    assert fetch(target, [Mirror("first", server.address("/data.csv"), mirrors.plain)], facts) == "first"
    assert target.read_bytes() == content
    assert left(target) == ["creditcard.csv"]


def test_a_connection_that_breaks_off_is_resumed_by_range(server, target, content, facts):
    server.files["/data.csv"], server.cuts["/data.csv"] = content, [2 * 16_384, 3 * 16_384]
    fetch(target, [Mirror("first", server.address("/data.csv"), mirrors.plain)], facts)
    assert ranges(server) == [None, "bytes=32768-", "bytes=81920-"]
    assert target.read_bytes() == content


def test_a_file_that_changed_in_between_is_fetched_anew(server, target, content, frame, facts):
    part = target.with_name(".creditcard.csv.first.part")
    part.parent.mkdir()
    part.write_bytes(b"x" * 1000)
    server.files["/data.csv"] = content
    fetch(target, [Mirror("first", server.address("/data.csv"), mirrors.plain)], facts)
    assert ranges(server) == ["bytes=1000-"]
    assert target.read_bytes() == content


def test_what_a_failed_run_left_is_where_the_next_goes_on(server, target, content, facts):
    # The second try gets nothing more, so the run gives up.
    server.files["/data.csv"], server.cuts["/data.csv"] = content, [20_000, 0]
    mirror = Mirror("first", server.address("/data.csv"), mirrors.plain)
    with pytest.raises(UsageError, match="first: the connection broke off"):
        fetch(target, [mirror], facts)
    assert left(target) == [".creditcard.csv.first.part"]
    fetch(target, [mirror], facts)
    assert ranges(server) == [None, "bytes=16384-", "bytes=16384-"]
    assert target.read_bytes() == content
    assert left(target) == ["creditcard.csv"]


def test_a_part_that_was_whole_already_is_fetched_anew(server, target, content, facts):
    server.files["/data.csv"], server.cuts["/data.csv"] = content, [20_000, 0]
    mirror = Mirror("first", server.address("/data.csv"), mirrors.plain)
    with pytest.raises(UsageError):
        fetch(target, [mirror], facts)
    server.files["/data.csv"] = content[:16_384]
    with pytest.raises(UsageError, match="not the published data"):
        fetch(target, [mirror], facts)
    assert ranges(server)[-2:] == ["bytes=16384-", None]


def test_a_mirror_without_an_answer_is_left_behind_in_time(server, target, content, facts):
    server.files["/data.csv"] = content
    slow = Mirror("slow", server.address("/silent"), mirrors.plain)
    quick = Mirror("quick", server.address("/data.csv"), mirrors.plain)
    start = time.monotonic()
    assert fetch(target, [slow, quick], facts, answer_within=0.3) == "quick"
    assert time.monotonic() - start < 3


def test_a_name_that_does_not_resolve_fails_fast(target, facts):
    start = time.monotonic()
    with pytest.raises(UsageError, match="nowhere: no connection"):
        fetch(target, [Mirror("nowhere", "http://nowhere.invalid/data.csv", mirrors.plain)], facts, answer_within=2)
    assert time.monotonic() - start < 3
    assert left(target) == []


def test_other_facts_are_refused_and_leave_nothing(server, target, frame, facts):
    server.files["/data.csv"] = frame.assign(V3=frame["V3"] * 1.5).to_csv(index=False).encode()
    with pytest.raises(UsageError, match=r"first: not the published data: .*component_std"):
        fetch(target, [Mirror("first", server.address("/data.csv"), mirrors.plain)], facts)
    assert left(target) == []


def test_a_page_in_place_of_the_file_is_refused(server, target, facts):
    server.files["/data.csv"] = b"<html><body>Please sign in, or out.</body></html>\n"
    with pytest.raises(UsageError, match=r"first: not the published data: creditcard\.csv"):
        fetch(target, [Mirror("first", server.address("/data.csv"), mirrors.plain)], facts)
    assert left(target) == []


def test_a_file_that_is_there_is_not_touched_by_a_failure(server, target, facts):
    target.parent.mkdir()
    target.write_text("mine")
    server.files["/data.csv"] = b"nonsense"
    with pytest.raises(UsageError):
        fetch(target, [Mirror("first", server.address("/data.csv"), mirrors.plain)], facts)
    assert target.read_text() == "mine"


def test_the_next_mirror_is_tried_and_every_failure_told(server, target, content, facts):
    missing = Mirror("first", server.address("/missing"), mirrors.plain)
    refused = Mirror("second", "http://127.0.0.1:1/data.csv", mirrors.plain)
    with pytest.raises(UsageError, match=r"first: HTTP status 404; second: no connection"):
        fetch(target, [missing, refused], facts)
    server.files["/data.csv"] = content
    assert (
        fetch(target, [missing, refused, Mirror("third", server.address("/data.csv"), mirrors.plain)], facts) == "third"
    )


@pytest.mark.parametrize("kind", ["category", "quoted", "int64"])
def test_openml_s_parquet_becomes_the_csv(server, target, tmp_path, frame, facts, kind):
    label = frame["Class"].astype("int64")
    if kind != "int64":
        label = label.map({0: "0", 1: "1"} if kind == "category" else {0: "'0'", 1: "'1'"}).astype("category")
    frame.assign(Class=label)[[*schema.COLUMNS[::-1]]].to_parquet(tmp_path / "sent.pq")
    server.files["/data.pq"] = (tmp_path / "sent.pq").read_bytes()
    fetch(target, [Mirror("openml", server.address("/data.pq"), mirrors.from_parquet)], facts)
    assert target.read_text().splitlines()[0] == ",".join(schema.COLUMNS)
    pd.testing.assert_frame_equal(load(target), frame)


@pytest.mark.parametrize("sent", [b"PAR1 but no more", b"<html></html>"])
def test_a_damaged_parquet_is_refused(server, target, facts, sent):
    server.files["/data.pq"] = sent
    with pytest.raises(UsageError, match="openml: "):
        fetch(target, [Mirror("openml", server.address("/data.pq"), mirrors.from_parquet)], facts)
    assert left(target) == []


def test_kaggle_s_archive_needs_its_credentials(server, target, tmp_path, content, facts):
    with zipfile.ZipFile(tmp_path / "sent.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("creditcard.csv", content)
    server.files["/private"] = (tmp_path / "sent.zip").read_bytes()
    address = server.address("/private")
    with pytest.raises(UsageError, match="kaggle: HTTP status 401"):
        fetch(target, [Mirror("kaggle", address, mirrors.from_zip, ("me", "wrong"))], facts)
    fetch(target, [Mirror("kaggle", address, mirrors.from_zip, ("me", "secret"))], facts)
    assert hashlib.sha256(target.read_bytes()).digest() == hashlib.sha256(content).digest()


def test_an_archive_without_the_file_is_refused(server, target, tmp_path, facts):
    with zipfile.ZipFile(tmp_path / "sent.zip", "w") as archive:
        archive.writestr("other.csv", "a")
    server.files["/a.zip"] = (tmp_path / "sent.zip").read_bytes()
    server.files["/b.zip"] = b"no archive"
    both = [Mirror(name, server.address(f"/{name}.zip"), mirrors.from_zip) for name in "ab"]
    with pytest.raises(UsageError, match=r"a: .*creditcard\.csv.*; b: .*zip"):
        fetch(target, both, facts)
    assert left(target) == []


def test_what_one_mirror_left_goes_when_another_has_the_file(server, target, content, facts):
    server.files |= {"/first": content, "/second": content}
    server.cuts["/first"] = [30_000, 0]
    both = [Mirror(name, server.address(f"/{name}"), mirrors.plain) for name in ("first", "second")]
    assert fetch(target, both, facts) == "second"
    assert left(target) == ["creditcard.csv"]


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.delenv("KAGGLE_USERNAME", raising=False)
    monkeypatch.delenv("KAGGLE_KEY", raising=False)
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    return tmp_path


def test_kaggle_is_tried_last_and_only_with_credentials(home, monkeypatch):
    assert [mirror.name for mirror in mirrors.known()] == ["tensorflow", "openml"]
    monkeypatch.setenv("KAGGLE_USERNAME", "me")
    assert mirrors.kaggle_credentials() is None
    monkeypatch.setenv("KAGGLE_KEY", "secret")
    assert mirrors.known()[-1].credentials == ("me", "secret")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (json.dumps({"username": "me", "key": "secret"}), ("me", "secret")),
        ("{}", None),
        ("[1]", None),
        ("not JSON", None),
    ],
)
def test_kaggle_s_own_file_is_read(home, written, read):
    (home / "kaggle.json").write_text(written)
    assert mirrors.kaggle_credentials() == read
