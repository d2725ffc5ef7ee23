"""The model bundle, a folder of `model.onnx`, `reasons.onnx` where the answers have an exact explanation, and
`manifest.json`: data only, nothing in it runs when it is read.

The bundle's digest covers what decides: model, reasons, features, calibration, thresholds and the data it was fitted
on; not dates, versions or platform. The manifest carries a seal over all of itself besides, so that no byte of a bundle
can change unnoticed.
"""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from fraud import artefacts, schema
from fraud.costs import CostModel
from fraud.errors import UsageError
from fraud.features import TimeMeaning

FORMAT = 2
MODEL = "model.onnx"
REASONS = "reasons.onnx"
MANIFEST = "manifest.json"
# What a model may be called: a part of paths, and of an image's tag.
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
OCCLUSION = "occlusion: an approximation"

# Where the bundles of each protocol lie below the build folder: the model's, and those of the tuned logistic regression
# and of the reference that it is held to.
FOLDERS = {
    "random": {"model": "model", "logistic": "logistic", "reference": "reference"},
    "chronological": {"model": "model-past", "logistic": "logistic-past", "reference": "reference-past"},
}


# Log-odds against: beyond it the exponential overflows; the probability is 1e-304 there.
_HIGHEST = 700.0

# One number for all transactions, or one for each.
Threshold = float | NDArray[np.float64]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _softplus(raw: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.logaddexp(0, raw)


def _softplus_of_one(raw: float) -> float:
    """The same to the last bit, without what numpy needs for a number alone."""
    return max(raw, 0.0) + math.log1p(math.exp(-abs(raw)))


class Calibration(_Frozen):
    """Calibration of log-odds m, linear or with another slope where the model says yes than where it says no.

    Linear: slope · m + intercept (Platt, "Probabilistic outputs for support vector machines", 1999). With
    `slope_above`: slope_above · log(1 + exp(m)) - slope · log(1 + exp(-m)) + intercept, whose slope goes over from
    `slope` far below 0 to `slope_above` far above (Kull, Silva Filho and Flach, "Beta calibration", 2017). Both are
    continuous, and strictly increasing where the slopes are above 0.
    """

    slope: float
    intercept: float
    # Left out where it is none, so that a bundle without it is what it always was.
    slope_above: float | None = Field(default=None, exclude_if=lambda slope: slope is None)

    def log_odds(self, raw: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Calibrated log-odds in float64, of the shape of the model's `raw` ones."""
        return np.asarray(self._line(raw.astype(np.float64)))

    def secant(self, start: float, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """Its mean slope from `start` to each of the model's log-odds `raw`; where they meet, its slope there."""
        way = raw - start
        above = np.exp(-np.logaddexp(0, -start))
        at_start = self.slope if self.slope_above is None else self.slope_above * above + self.slope * (1 - above)
        risen = self.log_odds(raw) - self.log_odds(np.asarray(start))
        near = np.abs(way) < 1e-6  # what is left of so small a difference is mostly rounding
        return np.where(near, at_start, risen / np.where(near, 1, way))

    def apply(self, raw: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Probabilities in float64, of the shape of `raw`: float32 would merge the highest of them into 1."""
        return np.asarray(1 / (1 + np.exp(np.minimum(-self.log_odds(raw), _HIGHEST))))

    def apply_one(self, raw: float) -> float:
        """`apply` to one number: the same to the last bit, so by numpy's `exp`, and otherwise in Python's own."""
        return float(1 / (1 + np.exp(min(-self._line(raw, _softplus_of_one), _HIGHEST))))

    def _line(self, raw: Any, softplus: Callable[[Any], Any] = _softplus) -> Any:
        if self.slope_above is None:
            return self.slope * raw + self.intercept
        # log(1 + exp(-m)) is log(1 + exp(m)) - m.
        return (self.slope_above - self.slope) * softplus(raw) + self.slope * raw + self.intercept


class ByAmount(_Frozen):
    """Thresholds at which another decision becomes the cheapest, any alert costing `alert_price` euros besides."""

    costs: CostModel
    alert_price: float


class Thresholds(_Frozen):
    """Probabilities at and above which a transaction is reviewed, or declined (`None`: none ever is).

    With `by_amount` each amount has its own, and these are the lowest that any amount may have.
    """

    review: float
    decline: float | None
    # Left out where it is none, so that a bundle without it is what it always was.
    by_amount: ByAmount | None = Field(default=None, exclude_if=lambda rule: rule is None)

    def applied(self, amount: NDArray[np.float64]) -> tuple[Threshold, Threshold]:
        """The thresholds of `review` and `decline` for transactions of these amounts.

        Args:
            amount: shape (n,), euros.

        Returns:
            both of shape (n,), or a number where it is the same for all; that of `decline` is infinite where nothing is
            ever declined.
        """
        decline = np.inf if self.decline is None else self.decline
        if self.by_amount is None:
            return self.review, max(self.review, decline)
        cheapest = self.by_amount.costs.thresholds(amount, self.by_amount.alert_price)
        review = np.maximum(self.review, cheapest[0])
        return review, np.maximum(review, np.maximum(decline, cheapest[1]))


class TrainingRange(_Frozen):
    """What training saw of a feature, in its raw unit."""

    low: float
    median: float
    high: float


class Reasons(_Frozen):
    """How the answers are explained: the method, in words, for each family of models that has a part in them.

    `base` and what `reasons.onnx` answers add up to the log-odds before calibration; there is neither where none do.
    """

    methods: dict[str, str]
    base: float | None = None


class Manifest(_Frozen):
    """What a bundle says of itself."""

    format: int = FORMAT
    name: str = Field(pattern=NAME)
    protocol: Literal["random", "chronological", "all rows"]
    output: Literal["log-odds", "probability"]
    time: TimeMeaning
    calibration: Calibration | None
    thresholds: Thresholds
    reasons: Reasons
    features: dict[str, TrainingRange]
    training: dict[str, Any]
    selection: dict[str, Any]
    provenance: dict[str, Any]
    files: dict[str, str] = {}
    digest: str = ""

    @property
    def version(self) -> str:
        """The name a person calls this bundle by: its candidate and the head of its digest."""
        return f"{self.name}-{self.digest[:12]}"


@dataclass(frozen=True)
class Bundle:
    """A bundle that was read and verified: the bytes of `model.onnx`, and of `reasons.onnx` where it has one."""

    manifest: Manifest
    model: bytes
    reasons: bytes | None


def write(folder: Path, model: bytes, manifest: Manifest, reasons: bytes | None = None) -> Manifest:
    """Write a bundle, whole or not at all; returns the manifest with its digests filled in.

    Raises:
        ValueError: the manifest names a base without a graph of reasons, or the other way round.
    """
    if (reasons is None) != (manifest.reasons.base is None):
        raise ValueError("a graph of reasons and the base of its contributions belong together")
    contents = {MODEL: model} if reasons is None else {MODEL: model, REASONS: reasons}
    complete = manifest.model_copy(update={"files": {name: _sha256(content) for name, content in contents.items()}})
    complete = complete.model_copy(update={"digest": _digest(complete)})
    with artefacts.replacing(folder) as temporary:
        temporary.mkdir()
        for name, content in contents.items():
            (temporary / name).write_bytes(content)
        (temporary / MANIFEST).write_bytes(_sealed(complete))
    return complete


def read(folder: Path) -> Bundle:
    """Read a bundle and verify every byte of it.

    Raises:
        UsageError: a file is missing or was changed, or the bundle is of another format.
    """
    try:
        text = (folder / MANIFEST).read_bytes()
        manifest = _parsed(folder / MANIFEST, text)
        names = (MODEL,) if manifest.reasons.base is None else (MODEL, REASONS)
        contents = {name: (folder / name).read_bytes() for name in names}
    except OSError as error:
        raise UsageError(f"{folder} holds no model bundle ({error}): run `make train`") from None
    for name, content in contents.items():
        if manifest.files.get(name) != _sha256(content):
            what = "model" if name == MODEL else "graph"
            raise UsageError(
                f"{folder / name} is not the {what} that its manifest names: remove {folder} and run `make train`"
            )
    if manifest.files.keys() != contents.keys() or not _genuine(manifest, text):
        raise UsageError(f"{folder / MANIFEST} was changed after it was written: remove it and run `make train`")
    return Bundle(manifest, contents[MODEL], contents.get(REASONS))


def holds(folder: Path, manifest: Manifest) -> bool:
    """Whether the bundle of this manifest lies in `folder`, whole and unchanged."""
    try:
        return read(folder).manifest == manifest
    except UsageError:
        return False


def _parsed(path: Path, text: bytes) -> Manifest:
    try:
        document = json.loads(text)
        found = document.get("format")
        if isinstance(found, int) and found != FORMAT:
            mend = "update the program" if found > FORMAT else "remove it and run `make train`"
            raise UsageError(f"{path} is of format {found}, this program reads {FORMAT}: {mend}")
        document.pop("seal", None)
        manifest = Manifest.model_validate(document)
    except (ValueError, AttributeError) as error:
        reason = _wrong(error.errors()[0]) if isinstance(error, ValidationError) else error
        raise UsageError(f"{path} is not a bundle's manifest ({reason}): remove it and run `make train`") from None
    if tuple(manifest.features) != schema.FEATURES:
        raise UsageError(f"{path} names other features than this program's schema: remove it and run `make train`")
    return manifest


def _wrong(error: ErrorDetails) -> str:
    return f"{'.'.join(map(str, error['loc']))}: {error['msg']}"


def _genuine(manifest: Manifest, text: bytes) -> bool:
    try:
        return _sealed(manifest) == text and manifest.digest == _digest(manifest)
    except ValueError:  # text or a number that was never written, such as half a surrogate pair or 1e999
        return False


def _digest(manifest: Manifest) -> str:
    decides = {"format", "name", "output", "time", "calibration", "thresholds", "reasons", "features", "files"}
    content = manifest.model_dump(mode="json", include=decides)
    content["data"] = manifest.training["data"]
    return _sha256(_canonical(content))


def _sealed(manifest: Manifest) -> bytes:
    content = manifest.model_dump(mode="json")
    seal = _sha256(_canonical(content))
    return (json.dumps({**content, "seal": seal}, indent=1, ensure_ascii=False) + "\n").encode()


def _canonical(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
