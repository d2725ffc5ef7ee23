"""A finished run as it can be compared with another: what its artefacts say, and its answers for the rows it judged."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fraud import artefacts, bundle
from fraud.costs import CostModel
from fraud.dataset import split
from fraud.errors import UsageError
from fraud.scorer import Scores

_STEP = "make evaluate"
_FACTS = ["label", "time", "amount"]
_ANSWERS = ["probability", "prediction", "decision", "threshold"]

Name = Literal["random", "chronological"]


class _Told(BaseModel):
    """A part of `metrics.json`: what is needed of it."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Data(_Told):
    """The data that a run stands on."""

    source: str
    digest: str
    rows: int
    frauds: int


class Recorded(CostModel):
    """The settings of a run, its cost model among them; those that need no name here come along."""

    model_config = ConfigDict(extra="allow")

    seed: int
    bootstrap_draws: int
    prevalence: float | None


class Model(_Told):
    """The bundle that was judged."""

    name: str
    version: str
    digest: str
    thresholds: dict[str, Any]


class Training(_Told):
    """What proves on which rows the bundle was fitted."""

    data: Data
    rows_digest: str


class Protocol(_Told):
    """One protocol of a run."""

    model: Model
    training: Training


class Recipe(_Told):
    """Whether the rows of the run had a part in the choice of its recipe."""

    optimistic: bool


class Provenance(_Told):
    """Where the figures come from."""

    created: str
    revision: str | None
    data: Data
    settings: Recorded


class Metrics(_Told):
    """What a comparison needs of `metrics.json`."""

    synthetic: bool
    legitimate_weight: float
    recipe: Recipe
    protocols: Annotated[dict[Name, Protocol], Field(min_length=2)]
    scores_digest: str
    provenance: Provenance


@dataclass(frozen=True)
class Finished:
    """A run; `judged` is, by protocol, a table of the rows that judged it, by their position in the data."""

    folder: Path
    metrics: Metrics
    verdict: str
    sentence: str
    judged: dict[Name, pd.DataFrame]

    def facts(self, protocol: Name, rows: NDArray[np.int64]) -> pd.DataFrame:
        """Label, time and amount of some judged rows."""
        return self.judged[protocol].loc[rows, _FACTS]

    def answers(self, protocol: Name, rows: NDArray[np.int64]) -> Scores:
        """What the model answered for some judged rows."""
        table = self.judged[protocol].loc[rows]
        return Scores(
            probability=table["probability"].to_numpy(np.float64),
            prediction=table["prediction"].to_numpy(np.int8),
            decision=table["decision"].to_numpy().astype(np.str_),
            threshold=table["threshold"].to_numpy(np.float64),
        )

    def trained_on_the_rest(self, protocol: Name) -> bool:
        """Whether the bundle was fitted on the rows that don't judge it, and on no other."""
        training = self.metrics.protocols[protocol].training
        rest = np.setdiff1d(np.arange(training.data.rows), self.judged[protocol].index.to_numpy())
        return split.digest(rest) == training.rows_digest


def read(folder: Path) -> Finished:
    """Read what a finished run left in its build folder.

    Raises:
        UsageError: an artefact is missing, damaged, or of another run than those beside it.
    """
    path = folder / "metrics.json"
    document = artefacts.read_json(path, _STEP)
    try:
        metrics = Metrics.model_validate(document)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise UsageError(f"{path} is damaged or of another version, at {where}: run `{_STEP}` again") from None
    gate = artefacts.read_json(folder / artefacts.GATE, "make check-model", ("verdict", "sentence", "bundles"))
    digests = {bundle.FOLDERS[name]["model"]: protocol.model.digest for name, protocol in metrics.protocols.items()}
    if gate["bundles"] != digests:
        raise UsageError(f"{folder / artefacts.GATE} judges other bundles than {path}: run `make check-model` again")
    scores = _scores(folder, metrics.scores_digest)
    judged = {name: scores[scores["protocol"] == name].set_index("row") for name in metrics.protocols}
    return Finished(folder, metrics, gate["verdict"], gate["sentence"], judged)


def _scores(folder: Path, digest: str) -> pd.DataFrame:
    path = folder / "scores.parquet"
    if not path.is_file():
        raise UsageError(f"{path} is missing: run `{_STEP}` again, or fetch it with the rest of the run")
    try:
        scores = pd.read_parquet(artefacts.scores(folder, digest))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} can't be read ({str(error).splitlines()[0]}): run `{_STEP}` again") from None
    needed = ["protocol", "row", *_FACTS, *_ANSWERS]
    if lacking := [column for column in needed if column not in scores]:
        raise UsageError(f"{path} lacks {', '.join(lacking)}: run `{_STEP}` again")
    return scores[needed]
