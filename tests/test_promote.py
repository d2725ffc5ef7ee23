"""A bundle is promoted past its gate, whole, in one step, and back again."""

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from fraud import bundle, promote
from fraud.errors import UsageError
from fraud.scorer import Scorer


@pytest.fixture
def build(tmp_path: Path, write_bundle: Callable) -> Path:
    """A build folder with a bundle that its gate passed."""
    manifest = write_bundle(tmp_path / "build" / "model", 0)
    gate(tmp_path / "build", manifest.digest)
    return tmp_path / "build"


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "served" / "model"


def gate(build: Path, digest: str, verdict: str = "pass", name: str = "model") -> None:
    (build / "gate.json").write_text(json.dumps({"verdict": verdict, "bundles": {name: digest}}), encoding="utf-8")


def trained_anew(build: Path, write_bundle: Callable, intercept: float) -> bundle.Manifest:
    manifest = write_bundle(build / "model", intercept)
    gate(build, manifest.digest)
    return manifest


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_link_names_a_copy_with_its_verdict(build: Path, link: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = bundle.read(build / "model").manifest
    assert promote.run(build / "model", link) == 0
    assert capsys.readouterr().out == f"{link} is {manifest.version} now\n"
    assert names(link.parent) == {"model", manifest.version}
    assert link.readlink() == Path(manifest.version)
    for name in (bundle.MODEL, bundle.MANIFEST):
        assert (link / name).read_bytes() == (build / "model" / name).read_bytes()
    assert (link / "gate.json").read_bytes() == (build / "gate.json").read_bytes()


def test_a_graph_of_reasons_is_copied_too(build: Path, link: Path) -> None:
    from onnx import TensorProto, helper

    identity = helper.make_node("Identity", ["transactions"], ["contributions"])
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [None, 30]) for n in ("transactions", "contributions")]
    graph = helper.make_graph([identity], "reasons", ends[:1], ends[1:])
    reasons = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    read = bundle.read(build / "model")
    explained = read.manifest.model_copy(update={"reasons": bundle.Reasons(methods={}, base=0.0)})
    bundle.write(build / "model", read.model, explained, reasons)
    assert promote.run(build / "model", link, ungated=True) == 0
    assert (link / bundle.REASONS).read_bytes() == reasons


def test_another_one_takes_its_place_and_the_first_comes_back(
    build: Path, link: Path, write_bundle: Callable, tmp_path: Path
) -> None:
    first = bundle.read(build / "model").manifest
    promote.run(build / "model", link)
    second = trained_anew(build, write_bundle, 1)
    promote.run(build / "model", link)
    assert bundle.read(link).manifest == second
    shutil.rmtree(build)
    assert promote.run(link.parent / first.version, link) == 0
    assert bundle.read(link).manifest == first
    assert names(link.parent) == {"model", first.version, second.version}


def test_there_is_no_moment_without_a_bundle(build: Path, link: Path, write_bundle: Callable) -> None:
    promote.run(build / "model", link)
    second = trained_anew(build, write_bundle, 1)
    promote.run(build / "model", link)
    first = next(name for name in names(link.parent) if name not in ("model", second.version))
    missed, done = [], threading.Event()

    def look() -> None:
        while not done.is_set():
            if not (link / bundle.MANIFEST).exists():
                missed.append(True)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(20):
            for name in (first, second.version):
                promote.run(link.parent / name, link, ungated=True)
    finally:
        done.set()
        looking.join()
    assert missed == []


def test_it_may_be_seen_under_another_path(build: Path, link: Path) -> None:
    promote.run(build / "model", link)
    link.parent.rename(link.parent.with_name("moved"))
    assert bundle.read(link.parent.with_name("moved") / "model").manifest == bundle.read(build / "model").manifest


FORBIDDEN = {
    "no gate": (lambda build: (build / "gate.json").unlink(), "gate.json is missing: run `make all` first"),
    "a failing gate": (lambda build: gate(build, digest(build), verdict="fail"), "the gates say no"),
    "another bundle's gate": (lambda build: gate(build, "0" * 64), "the gates have not judged"),
    "the gate of one that does not ship": (lambda build: gate(build, digest(build), name="model-past"), "not judged"),
}


def digest(build: Path) -> str:
    return bundle.read(build / "model").manifest.digest


@pytest.mark.parametrize(("spoil", "reason"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_what_the_gates_did_not_pass_is_promoted_only_where_that_is_asked_for(
    build: Path, link: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], None], reason: str
) -> None:
    spoil(build)
    assert promote.run(build / "model", link) == 1
    message = capsys.readouterr().err
    assert message.startswith("not promoted: ")
    assert reason in message
    assert not link.parent.exists()
    assert promote.run(build / "model", link, ungated=True) == 0
    assert "gate.json" not in names(link), "or it could be promoted again as if it had passed"
    assert promote.run(link.parent / bundle.read(link).manifest.version, link) == 1


def _one_byte_changed(folder: Path) -> None:
    content = bytearray((folder / bundle.MODEL).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / bundle.MODEL).write_bytes(content)


def _no_graph(folder: Path) -> None:
    gate(folder.parent, bundle.write(folder, b"no graph", bundle.read(folder).manifest).digest)


BROKEN = {
    "a byte changed": (_one_byte_changed, "is not the model that its manifest names"),
    "no bundle": (shutil.rmtree, "holds no model bundle"),
    "no graph": (_no_graph, "can't be run"),
}


@pytest.mark.parametrize("ungated", [False, True])
@pytest.mark.parametrize(("spoil", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_bundle_that_can_not_be_used_is_never_promoted(
    build: Path, link: Path, write_bundle: Callable, spoil: Callable[[Path], None], reason: str, ungated: bool
) -> None:
    promote.run(build / "model", link)
    before = names(link.parent)
    trained_anew(build, write_bundle, 1)
    spoil(build / "model")
    with pytest.raises(UsageError, match=reason):
        promote.run(build / "model", link, ungated)
    assert names(link.parent) == before
    assert link.readlink().name in before


def test_a_bundle_that_does_not_answer_is_never_promoted(mute_bundle: Path, link: Path) -> None:
    with pytest.raises(UsageError, match="does not answer"):
        promote.run(mute_bundle, link, ungated=True)
    assert not link.parent.exists()


def test_a_copy_that_was_spoiled_is_made_anew(build: Path, link: Path) -> None:
    promote.run(build / "model", link)
    _one_byte_changed(link)
    promote.run(build / "model", link)
    assert bundle.read(link).manifest == bundle.read(build / "model").manifest
    assert "gate.json" in names(link)


def test_a_bundle_that_was_made_again_leaves_the_copy_that_is_served_as_it_is(build: Path, link: Path) -> None:
    """Of the same digest, which leaves out when it was made: to write it anew, it would have to go first."""
    promote.run(build / "model", link)
    before = {path.name: path.stat().st_ino for path in link.iterdir() if path.name != "gate.json"}
    read = bundle.read(build / "model")
    later = read.manifest.model_copy(update={"provenance": {"created": "2031-12-31"}})
    assert bundle.write(build / "model", read.model, later).digest == read.manifest.digest
    assert promote.run(build / "model", link) == 0
    assert {path.name: path.stat().st_ino for path in link.iterdir() if path.name != "gate.json"} == before
    assert promote.run(build / "model", link, ungated=True) == 0
    assert "gate.json" in names(link)


@pytest.mark.parametrize("when", ["judged", "tried"])
def test_what_is_not_what_was_judged_is_never_promoted(
    build: Path, link: Path, write_bundle: Callable, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """The bundle is exchanged between the readings: before it is tried nothing ships, after it what was judged does."""
    judged, verdict = bundle.read(build / "model"), (build / "gate.json").read_bytes()

    def trained_meanwhile(before: Callable) -> Callable:
        def run(*arguments: object) -> object:
            answered = before(*arguments)
            trained_anew(build, write_bundle, 1)
            return answered

        return run

    if when == "judged":
        monkeypatch.setattr(promote, "passed", trained_meanwhile(promote.passed))
        with pytest.raises(UsageError, match="was changed while it was read"):
            promote.run(build / "model", link)
        assert not link.parent.exists()
    else:
        monkeypatch.setattr(Scorer, "self_test", trained_meanwhile(Scorer.self_test))
        assert promote.run(build / "model", link) == 0
        assert bundle.read(link) == judged
        assert (link / "gate.json").read_bytes() == verdict


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_is_no_link_is_left_alone(build: Path, tmp_path: Path, kind: str) -> None:
    place = build / "model" if kind == "folder" else build / "gate.json"
    before = names(build)
    with pytest.raises(UsageError, match=r"is no link.*: name another place, and serve it"):
        promote.run(build / "model", place)
    assert names(build) == before


def test_a_full_disk_is_one_line_and_the_old_link_stays(
    build: Path, link: Path, write_bundle: Callable, on_a_full_disk: Callable
) -> None:
    promote.run(build / "model", link)
    before = names(link.parent), link.readlink()
    trained_anew(build, write_bundle, 1)
    done = on_a_full_disk("-m", "fraud", "promote", str(build / "model"), "--to", str(link))
    assert done.returncode == 2
    assert "File too large" in done.stderr
    assert done.stderr.count("\n") == 1
    assert (names(link.parent), link.readlink()) == before
