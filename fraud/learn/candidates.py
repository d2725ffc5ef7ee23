"""The registry of candidate models, read from `candidates.toml`, and how each is fitted."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from imblearn.pipeline import Pipeline
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from fraud import bundle, schema
from fraud.errors import UsageError
from fraud.features import TimeMeaning
from fraud.learn.compressed import Compressed
from fraud.learn.engineered import Engineered, Kind
from fraud.learn.estimators import ESTIMATORS
from fraud.learn.resamplers import resampler

PATH = Path(__file__).with_name("candidates.toml")


# What the exports can write.
_ON_RAW_COLUMNS = ("lightgbm", "xgboost", "catboost")
_ON_COMPRESSED_COLUMNS = ("perceptrons", "logistic regression")


class Range(BaseModel):
    """Between which values a parameter is looked for, both included: whole numbers where both are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: int | float
    high: int | float
    log: bool = Field(False, description="as many attempts between 1 and 10 as between 10 and 100")


class Candidate(BaseModel):
    """A model that can be fitted: an estimator with its parameters, or a blend of other candidates' margins.

    `output` is what the fitted model answers: log-odds where it is additive in them, else a probability, by which it
    can be compared but not served.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=bundle.NAME)
    description: str
    estimator: Literal[tuple(ESTIMATORS)] | None = None  # type: ignore[valid-type]
    parameters: dict[str, Any] = {}
    search: dict[str, Range] = Field({}, description="between which values tuning may change a parameter that it has")
    attempts: int = Field(16, ge=1, description="of tuning, the parameters as they stand being the first")
    scale: Literal["all", "time and amount", "compressed"] | None = None
    weighted: bool = Field(False, description="in the fit, a legitimate row counts what it counts for in production")
    engineered: tuple[Kind, ...] = Field((), description="columns that are added, for comparison only")
    resample: str | None = None
    legitimate_a_fraud: float = Field(1, gt=0, description="legitimate rows for each fraud that resampling leaves")
    members: tuple["Candidate", ...] = ()
    counts: tuple[float, ...] = Field((), description="how much each member counts in the blend; without it, the same")
    output: Literal["log-odds", "probability"] = "log-odds"
    time: TimeMeaning = "of day"
    study: str | None = Field(None, description="the comparison that it is made for, instead of selection")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.counts and (len(self.counts) != len(self.members) or min(self.counts) <= 0):
            raise ValueError(f"{self.name}: counts need one number above 0 for each member")
        if self.servable and self.estimator in _ON_RAW_COLUMNS and self.scale is not None:
            raise ValueError(f"{self.name}: the graph of {self.estimator} takes raw columns: leave out its scale")
        if self.servable and (self.scale == "compressed") > (self.estimator in _ON_COMPRESSED_COLUMNS):
            raise ValueError(f"{self.name}: {self.estimator} has no graph on compressed columns: give another scale")
        if self.estimator == "perceptrons" and self.scale != "compressed":
            raise ValueError(f"{self.name}: perceptrons need compressed columns: set scale to that")
        return self

    @property
    def content(self) -> str:
        """All that decides what a fit answers, as text: not its names, nor what tuning may change."""
        unasked = {"name", "description", "search", "attempts"}
        return self.model_dump_json(exclude={**dict.fromkeys(unasked, True), "members": {"__all__": unasked}})

    def blended(self, margins: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """What the blend answers where its members, or the model itself, answer `margins`, each of shape (n,)."""
        return np.asarray(np.average(margins, axis=0, weights=self.counts or None))

    @property
    def servable(self) -> bool:
        """Whether it may be served: it has an exact graph from the 30 raw features, and is made for no comparison."""
        return self.output == "log-odds" and not self.engineered and self.study is None

    def build(self, seed: int) -> Pipeline:
        """The unfitted pipeline of a candidate without members; its last step is called "model"."""
        steps: list[tuple[str, Any]] = []
        if self.engineered:
            steps.append(("engineered", Engineered(self.engineered)))
        if self.scale == "all":
            steps.append(("scale", StandardScaler()))
        elif self.scale == "compressed":
            steps.append(("scale", Compressed()))
        elif self.scale is not None:
            unscaled = [schema.FEATURES.index(column.name) for column in (schema.TIME, schema.AMOUNT)]
            steps.append(
                ("scale", ColumnTransformer([("scaled", StandardScaler(), unscaled)], remainder="passthrough"))
            )
        if self.resample is not None:
            # Behind the scaler, or what looks for neighbours would find those of the same second.
            steps.append(("resample", resampler(self.resample, self.legitimate_a_fraud, seed)))
        return Pipeline([*steps, ("model", ESTIMATORS[str(self.estimator)](seed, **self.parameters))])


@dataclass(frozen=True)
class Model:
    """A fitted candidate: one pipeline, or one for each member of the blend."""

    candidate: Candidate
    pipelines: tuple[Pipeline, ...]

    def output(self, prepared: NDArray[np.float32]) -> NDArray[np.float64]:
        """What the fitted model answers, log-odds or probability as the candidate says, shape (n,)."""
        if self.candidate.output == "probability":
            return np.asarray(self.pipelines[0].predict_proba(prepared)[:, 1], dtype=np.float64)
        margins = [np.asarray(pipeline.decision_function(prepared), dtype=np.float64) for pipeline in self.pipelines]
        return self.candidate.blended(margins)


def fit(
    candidate: Candidate, prepared: NDArray[np.float32], label: NDArray[np.int8], weight: float, seed: int
) -> Model:
    """Fit a candidate, on one thread wherever more would make its sums depend on their number.

    Args:
        prepared: shape (n, 30), as `fraud.features.prepare` makes them.
        label: shape (n,), 0 or 1, both present.
        weight: what one legitimate row counts for in production, a fraud counting 1.
        seed: of all chance in it.
    """
    with threadpool_limits(1):
        pipelines = [_fit_one(part, prepared, label, weight, seed) for part in candidate.members or (candidate,)]
    return Model(candidate, tuple(pipelines))


def _fit_one(
    candidate: Candidate, prepared: NDArray[np.float32], label: NDArray[np.int8], weight: float, seed: int
) -> Pipeline:
    given = {"model__sample_weight": np.where(label == 1, 1.0, weight)} if candidate.weighted else {}
    return candidate.build(seed).fit(prepared, label, **given)


@cache
def registry(path: Path = PATH) -> dict[str, Candidate]:
    """Every candidate of the file by name, blends with their members put in, and what they are like filled in.

    Raises:
        UsageError: one of them is wrong.
    """
    entries = tomllib.loads(path.read_text(encoding="utf-8"))
    made: dict[str, Candidate] = {}
    for name, entry in entries.items():
        like = entry.pop("like", None)
        taken = {} if like is None else made[like].model_dump(exclude={"name", "search", "attempts"})
        parameters = {**taken.get("parameters", {}), **entry.get("parameters", {})}
        members = tuple(made[member] for member in entry.pop("members", ()))
        try:
            made[name] = Candidate(**{**taken, **entry, "name": name, "parameters": parameters, "members": members})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, (name, *first["loc"])))
            raise UsageError(f"{path}: {where}: {first['msg']}") from None
    return made


# The blog post's model, as it stands there, and the threshold that its `predict` implies: more than half of its 100
# trees, midway between 50 and 51 votes. It is what the winner is compared with and never a candidate itself.
REFERENCE = Candidate(
    name="forest",
    description="the blog post's random forest of 100 trees",
    estimator="random forest",
    parameters={"n_estimators": 100},
    scale="time and amount",
    output="probability",
    time="as given",
)
REFERENCE_THRESHOLD = 0.505
