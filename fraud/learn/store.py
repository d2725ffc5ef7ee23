"""Fits that were done, kept by their content: the same question costs nothing the second time, or after a kill."""

import hashlib
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fraud import artefacts
from fraud.dataset.split import Split, digest
from fraud.learn.candidates import Candidate

# The code that decides what a fit answers.
_CODE = (
    "candidates.py",
    "compressed.py",
    "engineered.py",
    "estimators.py",
    "export.py",
    "resamplers.py",
    "trees.py",
    "../features.py",
)


@dataclass(frozen=True)
class Answers:
    """A fitted model's output for the rows that judge it, shape (n,), what it took, and its graph's bytes, if any."""

    output: NDArray[np.float64]
    fit_seconds: float
    answer_seconds: float
    size: int | None


@dataclass(frozen=True)
class Store:
    """A folder of answers; without one, nothing is kept."""

    folder: Path | None = None

    def key(
        self,
        candidate: Candidate,
        prepared: NDArray[np.float32],
        label: NDArray[np.int8],
        fold: Split,
        weight: float,
        seed: int,
    ) -> str:
        """A digest of everything that the answers depend on."""
        if self.folder is None:
            return ""
        parts = [_environment(), candidate.content, repr(weight), str(seed), digest(fold.train), digest(fold.test)]
        content = hashlib.sha256("\n".join(parts).encode())
        content.update(prepared.tobytes())
        content.update(label.tobytes())
        return content.hexdigest()

    def holds(self, key: str) -> bool:
        """Whether it can answer; a damaged file is removed."""
        if self.folder is None or not self._path(key).is_file():
            return False
        try:
            self.get(key)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            self._path(key).unlink()
            return False
        return True

    def get(self, key: str) -> Answers:
        with self._path(key).open("rb") as file, np.load(file, allow_pickle=False) as kept:
            fitted, answered = kept["seconds"]
            return Answers(kept["output"], float(fitted), float(answered), int(kept["size"]) or None)

    def put(self, key: str, answers: Answers) -> None:
        if self.folder is not None:
            with artefacts.replacing(self._path(key)) as temporary, temporary.open("wb") as file:
                seconds = [answers.fit_seconds, answers.answer_seconds]
                np.savez(file, output=answers.output, seconds=seconds, size=answers.size or 0)

    def _path(self, key: str) -> Path:
        return Path(str(self.folder)) / f"{key}.npz"


@cache
def _environment() -> str:
    versions = [f"{name}=={version}" for name, version in artefacts.versions().items()]
    code = [hashlib.sha256((Path(__file__).parent / name).read_bytes()).hexdigest() for name in _CODE]
    return "\n".join([*versions, *code])
