import json
from pathlib import Path

from fraud import schema
from fraud.dataset import examples


def test_what_is_committed_is_what_is_written(tmp_path: Path) -> None:
    examples.write(tmp_path / "examples.json")
    assert (tmp_path / "examples.json").read_bytes() == examples.PATH.read_bytes()


def test_each_has_every_feature_and_no_label() -> None:
    found = json.loads(examples.PATH.read_text())
    assert list(found) == ["a legitimate transaction", "a fraud"]
    for example in found.values():
        assert tuple(example) == schema.FEATURES
