"""A worker's model follows the bundle: what is good takes its place, what is not is left alone, and said."""

import gc
import logging
import shutil
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

from fraud import bundle
from fraud.api import follower, kept, verdict
from fraud.api.counts import Counts
from fraud.api.follower import Follower
from fraud.api.live import Live
from fraud.api.metrics import Metrics
from fraud.api.verdict import Verdict
from fraud.scorer import Scorer


class Worker:
    """What follows, without its thread unless that is started."""

    def __init__(self, path: Path) -> None:
        self.live = Live(Scorer(path))
        self._metrics = Metrics(Counts(None))
        self._metrics.serves(self.live.current.version)
        self.shared = path.parent / "shared"
        self.shared.mkdir()
        self._follower = Follower(path, self.live, self._metrics, self.shared)
        self.start = self._follower.start
        self.look(2)

    def look(self, times: int = 2) -> None:
        """The first look sees a change, the second that it is over."""
        for _ in range(times):
            self._follower.look()

    def counts(self) -> dict[str, float]:
        lines = [line for line in self._metrics.text().decode().splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


@pytest.fixture
def link(tmp_path: Path, write_bundle: Callable) -> Path:
    """A link to the first of two bundles, whose answers differ."""
    for name, intercept in (("first", 0), ("second", 1)):
        write_bundle(tmp_path / name, intercept)
    (tmp_path / "link").symlink_to("first")
    return tmp_path / "link"


@pytest.fixture
def worker(link: Path) -> Worker:
    return Worker(link)


def relink(link: Path, name: str) -> None:
    (link.parent / "new").symlink_to(name)
    (link.parent / "new").replace(link)


def version(folder: Path) -> str:
    return bundle.read(folder).manifest.version


def told(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == level]


def test_a_bundle_that_is_as_it_was_is_left_alone(worker: Worker) -> None:
    before = worker.live.current
    worker.look(5)
    assert worker.live.current is before
    assert worker.counts()[f'fraud_workers{{model="{before.version}"}}'] == 1
    assert not any(name.startswith("fraud_bundle_reloads") for name in worker.counts())


def test_another_bundle_takes_its_place(worker: Worker, link: Path, caplog: pytest.LogCaptureFixture) -> None:
    before, after = version(link), version(link.parent / "second")
    relink(link, "second")
    worker.look()
    assert worker.live.current.version == after
    assert worker.live.current.scorer.manifest.calibration.intercept == 1
    counts = worker.counts()
    assert counts[f'fraud_workers{{model="{before}"}}'] == 0
    assert counts[f'fraud_workers{{model="{after}"}}'] == 1
    assert counts['fraud_bundle_reloads_total{outcome="loaded"}'] == 1
    assert told(caplog, logging.WARNING) == [f"serving {after} instead of {before}"]


def test_the_verdict_comes_with_its_model_and_is_kept_with_it(worker: Worker, link: Path) -> None:
    said = Verdict(verdict="pass", sentence="It may ship.", gates=())
    verdict.write(link.parent / "second", bundle.read(link.parent / "second").manifest.digest, said)
    assert worker.live.current.verdict is None
    relink(link, "second")
    worker.look()
    assert worker.live.current.verdict == said
    assert kept.load(worker.shared, Path("nowhere"))[1] == said


def test_a_folder_that_is_replaced_is_followed_too(worker: Worker, link: Path, write_bundle: Callable) -> None:
    manifest = write_bundle(link.parent / "first", 2)
    worker.look()
    assert worker.live.current.version == manifest.version


def test_the_same_bundle_elsewhere_is_no_news(worker: Worker, link: Path) -> None:
    before = worker.live.current
    shutil.copytree(link.parent / "first", link.parent / "copy")
    relink(link, "copy")
    worker.look()
    assert worker.live.current is before


def test_what_was_exchanged_is_freed(worker: Worker, link: Path) -> None:
    before = weakref.ref(worker.live.current.scorer)
    relink(link, "second")
    worker.look()
    gc.collect()
    assert before() is None


def a_byte_changed(folder: Path) -> None:
    content = bytearray((folder / bundle.MODEL).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / bundle.MODEL).write_bytes(content)


def a_newer_format(folder: Path) -> None:
    manifest = folder / bundle.MANIFEST
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace(f'"format": {bundle.FORMAT}', f'"format": {bundle.FORMAT + 1}'), encoding="utf-8")


def no_graph(folder: Path) -> None:
    bundle.write(folder, b"no graph", bundle.read(folder).manifest)


BAD = {
    "a byte changed": (a_byte_changed, "second/model.onnx is not the model that its manifest names"),
    "a file missing": (lambda folder: (folder / bundle.MODEL).unlink(), "second holds no model bundle"),
    "no manifest": (lambda folder: (folder / bundle.MANIFEST).unlink(), "second holds no model bundle"),
    "no folder": (shutil.rmtree, "second holds no model bundle"),
    "a newer format": (a_newer_format, "second/manifest.json is of format 3, this program reads 2: update the program"),
    "no graph": (no_graph, "second/model.onnx can't be run"),
}


@pytest.mark.parametrize(("spoil", "reason"), BAD.values(), ids=BAD)
def test_what_can_not_be_used_is_said_once_and_the_old_model_goes_on(
    worker: Worker, link: Path, caplog: pytest.LogCaptureFixture, spoil: Callable[[Path], None], reason: str
) -> None:
    before = worker.live.current
    spoil(link.parent / "second")
    relink(link, "second")
    worker.look(5)
    assert worker.live.current is before
    assert worker.live.refused is not None
    assert reason in worker.live.refused
    assert str(link.parent) not in worker.live.refused, "everybody may read it"
    [line] = told(caplog, logging.ERROR)
    assert reason in line
    assert line.endswith(f"{before.version} goes on serving")
    assert all(record.exc_info is None for record in caplog.records)
    counts = worker.counts()
    assert counts['fraud_bundle_reloads_total{outcome="refused"}'] == 1
    assert counts["fraud_workers_refusing"] == 1
    assert counts[f'fraud_workers{{model="{before.version}"}}'] == 1


def test_what_does_not_answer_is_refused(worker: Worker, link: Path, mute_bundle: Path) -> None:
    before = worker.live.current
    shutil.copytree(mute_bundle, link.parent / "mute")
    relink(link, "mute")
    worker.look()
    assert worker.live.current is before
    assert "does not answer" in str(worker.live.refused)


def test_a_bug_is_told_with_where_it_is_and_ends_nothing(
    worker: Worker, link: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(scorer: Scorer) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Scorer, "self_test", broken)
    relink(link, "second")
    worker.look()
    assert worker.live.refused == "there is a bug: see the log"
    assert "RuntimeError" in caplog.text
    monkeypatch.undo()
    (link.parent / "second" / bundle.MODEL).touch()
    worker.look()
    assert worker.live.current.version == version(link.parent / "second")


@pytest.mark.parametrize("mend", ["first", "second"])
def test_a_bundle_that_is_mended_is_refused_no_longer(
    worker: Worker, link: Path, write_bundle: Callable, mend: str
) -> None:
    a_byte_changed(link.parent / "second")
    relink(link, "second")
    worker.look()
    assert worker.live.refused is not None
    write_bundle(link.parent / "second", 1)
    relink(link, mend)
    worker.look()
    assert worker.live.refused is None
    assert worker.live.current.version == version(link.parent / mend)
    assert worker.counts()["fraud_workers_refusing"] == 0


def test_a_folder_is_not_judged_while_it_is_copied(worker: Worker, link: Path) -> None:
    """File by file, the last one in pieces, over the one that is served."""
    served, new = link.parent / "first", link.parent / "second"
    before = worker.live.current
    shutil.copy(new / bundle.MANIFEST, served)
    worker.look(1)
    content = (new / bundle.MODEL).read_bytes()
    with (served / bundle.MODEL).open("wb") as file:
        for start in range(0, len(content), len(content) // 3):
            file.write(content[start : start + len(content) // 3])
            file.flush()
            worker.look(1)
            assert worker.live.current is before
    assert worker.live.refused is None
    worker.look()
    assert worker.live.current.version == version(new)
    assert 'fraud_bundle_reloads_total{outcome="refused"}' not in worker.counts()


def test_a_copy_that_stood_still_is_judged_again_when_it_is_complete(worker: Worker, link: Path) -> None:
    served, new = link.parent / "first", link.parent / "second"
    shutil.copy(new / bundle.MANIFEST, served)
    content = (new / bundle.MODEL).read_bytes()
    (served / bundle.MODEL).write_bytes(content[:100])
    worker.look()
    assert worker.live.refused is not None
    (served / bundle.MODEL).write_bytes(content)
    worker.look()
    assert worker.live.refused is None
    assert worker.live.current.version == version(new)


def test_what_changes_while_it_is_read_is_not_judged(
    worker: Worker, link: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = bundle.read
    relink(link, "second")
    worker.look(1)

    def changed_meanwhile(folder: Path) -> bundle.Bundle:
        a_byte_changed(folder)
        return read(folder)

    monkeypatch.setattr(bundle, "read", changed_meanwhile)
    worker.look(1)
    assert worker.live.refused is None


def test_a_worker_that_comes_back_answers_as_the_others_do(worker: Worker, link: Path) -> None:
    nowhere = link.parent / "nowhere"
    served = version(link)
    a_byte_changed(link.parent / "second")
    relink(link, "second")
    worker.look()
    assert worker.live.refused is not None
    shutil.rmtree(link.parent / "first")
    assert kept.load(worker.shared, nowhere)[0].manifest.version == served


def test_what_takes_its_place_is_what_a_worker_comes_back_with(worker: Worker, link: Path) -> None:
    served = version(link.parent / "second")
    relink(link, "second")
    worker.look()
    a_byte_changed(link.parent / "second")
    worker.look()
    assert worker.live.refused is not None
    assert kept.load(worker.shared, link)[0].manifest.version == served


def test_where_no_copy_can_be_kept_the_model_is_exchanged_all_the_same(
    worker: Worker, link: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.rmtree(worker.shared)
    relink(link, "second")
    worker.look()
    after = version(link.parent / "second")
    assert (worker.live.current.version, worker.live.refused) == (after, None)
    assert told(caplog, logging.WARNING)[1:] == [
        f"no copy of {after} is kept for a worker that dies (No such file or directory)"
    ]


def test_a_look_that_fails_is_not_the_last(
    worker: Worker, link: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As where the path is relative, and the folder in which the process runs is gone for a while."""
    state, gone = follower._state, threading.Event()
    gone.set()

    def looked_at(path: Path) -> object:
        if gone.is_set():
            raise FileNotFoundError
        return state(path)

    monkeypatch.setattr(follower, "_PAUSE", 0.01)
    monkeypatch.setattr(follower, "_state", looked_at)
    worker.start()
    wait_until(lambda: caplog.records)
    time.sleep(0.1)
    gone.clear()
    relink(link, "second")
    wait_until(lambda: worker.live.current.version == version(link.parent / "second"))
    assert told(caplog, logging.ERROR) == [f"can't look at {link}; it is looked at again"]
    assert "FileNotFoundError" in caplog.text


def wait_until(met: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.01)
