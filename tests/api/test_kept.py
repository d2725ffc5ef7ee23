"""The copy of the bundle that answers: whole whenever it is read, and what a worker comes back with."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fraud import bundle
from fraud.api import kept, verdict
from fraud.api.verdict import Verdict
from fraud.errors import UsageError


@pytest.fixture
def made(tmp_path: Path, write_bundle: Callable) -> dict[str, bundle.Bundle]:
    """Two bundles, as they were read where they lie: in folders of these names."""
    for name, intercept in (("first", 0), ("second", 1)):
        write_bundle(tmp_path / name, intercept)
    return {name: bundle.read(tmp_path / name) for name in ("first", "second")}


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    (tmp_path / "shared").mkdir()
    return tmp_path / "shared"


def emptied(folder: Path) -> None:
    (folder / bundle.MODEL).write_bytes(b"")


@pytest.mark.parametrize("spoil", [emptied, shutil.rmtree])
def test_the_copy_is_loaded_whatever_became_of_the_bundle(
    made: dict[str, bundle.Bundle], shared: Path, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    kept.keep(made["first"], None, shared)
    spoil(tmp_path / "first")
    assert kept.load(shared, tmp_path / "first")[0].manifest == made["first"].manifest


def test_the_copy_is_loaded_though_another_bundle_is_there(
    made: dict[str, bundle.Bundle], shared: Path, tmp_path: Path
) -> None:
    kept.keep(made["first"], None, shared)
    assert kept.load(shared, tmp_path / "second")[0].manifest == made["first"].manifest


def test_the_verdict_is_kept_with_the_bundle_that_it_is_on(made: dict[str, bundle.Bundle], shared: Path) -> None:
    said = Verdict(verdict="pass", sentence="It may ship.", gates=())
    nowhere = Path("nowhere")
    kept.keep(made["first"], None, shared)
    assert kept.load(shared, nowhere)[1] is None
    kept.keep(made["first"], said, shared)
    assert kept.load(shared, nowhere)[1] == said
    kept.keep(made["second"], None, shared)
    assert kept.load(shared, nowhere)[1] is None


def test_without_a_copy_the_verdict_comes_with_the_bundle_itself(
    made: dict[str, bundle.Bundle], shared: Path, tmp_path: Path
) -> None:
    said = Verdict(verdict="pass", sentence="It may ship.", gates=())
    verdict.write(tmp_path / "first", made["first"].manifest.digest, said)
    assert kept.load(shared, tmp_path / "first")[1] == said


def test_it_is_written_once_and_nothing_is_left_of_the_one_before(made: dict[str, bundle.Bundle], shared: Path) -> None:
    kept.keep(made["first"], None, shared)
    [copy] = shared.iterdir()
    written = copy.stat().st_ino
    kept.keep(made["first"], None, shared)
    assert copy.stat().st_ino == written
    kept.keep(made["second"], None, shared)
    assert list(shared.iterdir()) == [copy]
    assert bundle.read(copy) == made["second"]


def test_another_manifest_of_the_same_digest_is_another_bundle(made: dict[str, bundle.Bundle], shared: Path) -> None:
    first = made["first"]
    later = first.manifest.model_copy(update={"provenance": {"created": "2031-12-31"}})
    for manifest in (first.manifest, later):
        kept.keep(bundle.Bundle(manifest, first.model, None), None, shared)
    assert kept.load(shared, Path("nowhere"))[0].manifest.provenance == later.provenance


def test_without_a_copy_the_bundle_itself_is_loaded(
    made: dict[str, bundle.Bundle], shared: Path, tmp_path: Path
) -> None:
    first, second = made["first"].manifest, made["second"].manifest
    assert kept.load(shared, tmp_path / "first")[0].manifest == first
    assert kept.load(shared, tmp_path / "first", only=first)[0].manifest == first
    with pytest.raises(UsageError, match=rf"second holds {first.version} no more, and no copy was kept: restart"):
        kept.load(shared, tmp_path / "second", only=first)
    emptied(tmp_path / "second")
    with pytest.raises(UsageError, match="is not the model that its manifest names"):
        kept.load(shared, tmp_path / "second", only=second)


def test_a_copy_that_was_spoiled_is_not_used(made: dict[str, bundle.Bundle], shared: Path, tmp_path: Path) -> None:
    kept.keep(made["first"], None, shared)
    [copy] = shared.iterdir()
    emptied(copy)
    assert kept.load(shared, tmp_path / "second")[0].manifest == made["second"].manifest
    kept.keep(made["first"], None, shared)
    assert kept.load(shared, tmp_path / "second")[0].manifest == made["first"].manifest


def test_a_full_disk_leaves_the_copy_before(
    made: dict[str, bundle.Bundle], shared: Path, tmp_path: Path, on_a_full_disk: Callable
) -> None:
    kept.keep(made["first"], None, shared)
    program = f"""
from pathlib import Path
from fraud import bundle
from fraud.api import kept
kept.keep(bundle.read(Path({str(tmp_path / "second")!r})), None, Path({str(shared)!r}))
"""
    assert "OSError: [Errno 27] File too large" in on_a_full_disk("-c", program).stderr
    assert kept.load(shared, tmp_path / "second")[0].manifest == made["first"].manifest
    assert len(list(shared.iterdir())) == 1


def test_it_is_never_read_while_it_is_replaced(made: dict[str, bundle.Bundle], shared: Path) -> None:
    versions = {read.manifest.version for read in made.values()}
    kept.keep(made["first"], None, shared)

    def replace() -> None:
        for _ in range(50):
            for read in made.values():
                kept.keep(read, None, shared)

    with ThreadPoolExecutor(4) as threads:
        replacing = [threads.submit(replace) for _ in range(2)]
        loaded = [threads.submit(kept.load, shared, Path("nowhere")) for _ in range(100)]
        assert {future.result()[0].manifest.version for future in loaded} <= versions
        for future in replacing:
            future.result()
    assert len(list(shared.iterdir())) == 1
