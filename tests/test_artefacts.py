import hashlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from datetime import datetime
from pathlib import Path

import pytest

from fraud import artefacts
from fraud.errors import UsageError

ROOT = Path(__file__).parents[1]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def write(path, kind, text):
    """A file, or a folder with a file in it."""
    if kind == "folder":
        path.mkdir()
        path /= "content"
    path.write_text(text)


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "artefact.txt"
    path.write_text("old")
    return path


def test_a_file_takes_its_name_once_it_is_whole(old):
    with artefacts.replacing(old) as temporary:
        assert temporary.parent == old.parent
        assert temporary.suffix == old.suffix
        temporary.write_text("new")
        assert old.read_text() == "old"
    assert old.read_text() == "new"
    assert names(old.parent) == ["artefact.txt"]


def test_a_folder_takes_its_name_once_it_is_whole(tmp_path):
    folder = tmp_path / "deep" / "docs"
    for text in ("first", "second"):
        with artefacts.replacing(folder) as temporary:
            temporary.mkdir()
            (temporary / text).write_text(text)
        assert names(folder) == [text]
    assert names(folder.parent) == ["docs"]


def test_a_link_takes_its_name_in_one_step_and_leaves_what_it_named(tmp_path):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        with artefacts.replacing(tmp_path / "link") as temporary:
            temporary.symlink_to(name)
        assert (tmp_path / "link").readlink() == Path(name)
    assert names(tmp_path) == ["first", "link", "second"]


@pytest.mark.parametrize("target", ["there", "nowhere"])
def test_a_folder_takes_the_place_of_a_link_and_leaves_what_it_named(tmp_path, target):
    (tmp_path / "there").mkdir()
    (tmp_path / "folder").symlink_to(target)
    with artefacts.replacing(tmp_path / "folder") as temporary:
        temporary.mkdir()
    assert not (tmp_path / "folder").is_symlink()
    assert names(tmp_path) == ["folder", "there"]


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_where_the_block_raises_the_old_one_stays_and_nothing_is_left_over(old, kind, error):
    def interrupted():
        with artefacts.replacing(old) as temporary:
            write(temporary, kind, "half")
            raise error

    with pytest.raises(error):
        interrupted()
    assert old.read_text() == "old"
    assert names(old.parent) == ["artefact.txt"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_kill_in_the_middle_leaves_the_old_one(tmp_path, kind):
    path = tmp_path / "artefact"
    write(path, kind, "old")
    program = f"""
        import time
        from pathlib import Path
        from fraud import artefacts
        with artefacts.replacing(Path({str(path)!r})) as temporary:
            if {kind == "folder"}:
                temporary.mkdir()
                temporary = temporary / "content"
            with temporary.open("w") as file:
                file.write("half")
                file.flush()
                print("written", flush=True)
                time.sleep(60)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"written\n"
        process.send_signal(signal.SIGKILL)
    assert (path / "content" if kind == "folder" else path).read_text() == "old"
    assert len(names(tmp_path)) == 2
    # The next one isn't disturbed by what the killed one left, and removes it; what a live one writes stays.
    with artefacts.replacing(path) as other, artefacts.replacing(path) as temporary:
        write(other, kind, "other")
        write(temporary, kind, "new")
    assert (path / "content" if kind == "folder" else path).read_text() == "other"
    assert names(tmp_path) == [path.name]


def test_a_full_disk_leaves_the_old_one_and_says_which_file_it_was_for(old, on_a_full_disk):
    program = f"""
        from pathlib import Path
        from fraud import artefacts
        try:
            artefacts.write_text(Path({str(old)!r}), "new" * 100_000)
        except OSError as error:
            print(error.filename, error.strerror, sep=": ")
    """
    done = on_a_full_disk("-c", textwrap.dedent(program))
    assert done.stdout == f"{old}: File too large\n", done.stderr
    assert old.read_text() == "old"
    assert names(old.parent) == ["artefact.txt"]


def test_json_comes_back_as_it_went(tmp_path):
    document = {"text": "größer", "numbers": [1, 0.1, 1e-300, None], "yes": True}
    artefacts.write_json(tmp_path / "a.json", document)
    assert artefacts.read_json(tmp_path / "a.json", "make all") == document


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_holds_no_number_that_json_lacks(old, value):
    with pytest.raises(ValueError, match="JSON"):
        artefacts.write_json(old, {"value": value})
    assert old.read_text() == "old"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is missing: run `make train` first"),
        (b"", "can't be read"),
        (b'{"half": ', "can't be read"),
        (b"\xff\xfe", "can't be read"),
        (b"[1]", "holds no JSON object"),
        (b'{"a": 1}', "lacks b, c"),
    ],
)
def test_json_that_can_not_be_used_names_the_file_and_the_step(tmp_path, content, message):
    path = tmp_path / "training.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match="make train") as refused:
        artefacts.read_json(path, "make train", ("a", "b", "c"))
    assert message in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_folder_in_place_of_a_document_is_refused(tmp_path):
    with pytest.raises(UsageError, match="can't be read"):
        artefacts.read_json(tmp_path, "make train")


def test_sha256_is_that_of_the_bytes(old):
    assert artefacts.sha256(old) == hashlib.sha256(b"old").hexdigest()


def test_a_state_differs_once_a_file_was_written_to_or_replaced(old):
    before = artefacts.state(old)
    assert before == artefacts.state(old) is not None
    with old.open("ab") as file:
        file.write(b"more")
    longer = artefacts.state(old)
    artefacts.write_text(old, old.read_text())
    assert len({before, longer, artefacts.state(old)}) == 3
    old.unlink()
    assert artefacts.state(old) is None


def test_a_package_that_is_not_installed_has_no_version(monkeypatch):
    monkeypatch.setattr(artefacts, "VERSIONED", ("numpy", "not-a-package"))
    assert artefacts.versions() == {"numpy": __import__("numpy").__version__, "not-a-package": None}


def test_provenance_says_what_an_artefact_stands_on(monkeypatch):
    made = artefacts.provenance({"seed": 7}, {"source": "twin"})
    assert made["settings"] == {"seed": 7}
    assert made["data"] == {"source": "twin"}
    assert abs(datetime.fromisoformat(made["created"]).timestamp() - time.time()) < 60
    assert made["packages"]["numpy"] == __import__("numpy").__version__
    assert tuple(made["packages"]) == artefacts.VERSIONED
    assert all(made["packages"].values())
    assert artefacts.provenance({})["data"] is None
    monkeypatch.setenv("PATH", os.devnull)
    assert artefacts.provenance({})["revision"] is None
