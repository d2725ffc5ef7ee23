"""The shapes of the answers, for the API's document. What is answered is held to them by a test, not at each answer."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fraud import schema
from fraud.api.problems import MEDIA_TYPE
from fraud.api.verdict import Verdict
from fraud.bundle import Thresholds, TrainingRange

Feature = Annotated[str, Field(json_schema_extra={"enum": list(schema.FEATURES)})]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of what decides in the model's bundle.")]
Version = Annotated[str, Field(description="The candidate and the head of its bundle's digest.")]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ModelName(_Answer):
    """The model that answered."""

    version: Version
    digest: Digest


class Warned(_Answer):
    """A value that is possible but unusual: answered all the same."""

    feature: Feature
    value: float
    detail: str


class Reason(_Answer):
    """How far one feature's value moved the answer."""

    feature: Feature
    value: float
    contribution: float = Field(description="In calibrated log-odds; above 0 towards fraud.")


class Decision(_Answer):
    """The answer to one transaction of several."""

    prediction: Literal[0, 1] = Field(description="1 exactly where `decision` is not `approve`.")
    probability: float = Field(ge=0, le=1, description="Calibrated probability of fraud.")
    decision: Literal["approve", "review", "decline"]
    threshold: float = Field(description="The probability that this decision was held against.")
    model: ModelName
    warnings: list[Warned]
    reasons: list[Reason] = Field(
        description="The strongest first: always of `review` and `decline`, of all answers with `?reasons=always`."
    )


class IdentifiedDecision(Decision):
    """The answer to a single transaction."""

    id: str = Field(description="As in the header `X-Request-ID`.")


class Health(_Answer):
    """The process is alive."""

    status: Literal["ok"]
    model: Version


class Ready(_Answer):
    """The model answers."""

    status: Literal["ready"]
    model: Version
    refused: str = Field("", description="Why the bundle that is there now is not the one that answers.")


class FeatureOfModel(_Answer):
    """A feature of a transaction, and what the training of the model saw of it."""

    unit: str
    meaning: str
    training: TrainingRange


class ReasonsOfModel(_Answer):
    """How the answers are explained."""

    methods: dict[str, str] = Field(description="In words, of each family of models that has a part in the answer.")
    exact: bool = Field(
        description="Whether those of all features add up to the answer, less that of the base; else they approximate."
    )
    base: float | None = Field(description="In log-odds before calibration; null where they are not exact.")


class Model(_Answer):
    """What the model's bundle says of itself, and what the gates said of it."""

    version: Version
    digest: Digest
    protocol: str = Field(description="Which rows it was fitted on.")
    notice: str | None = Field(None, description="There where the model stands on synthetic data.")
    thresholds: Thresholds
    features: dict[Feature, FeatureOfModel]
    reasons: ReasonsOfModel
    gates: Verdict | None = Field(
        description="The metrics that the model was judged by; null where no gates have judged this very model."
    )
    data: dict[str, Any] = Field(description="Source and digest of the data that it was fitted on.")
    created: str | None


class Fault(_Answer):
    """One thing that is wrong with a body."""

    pointer: str = Field(description="Where: a JSON pointer (RFC 6901).")
    value: str = Field("", description="What stands there, shortened; left out where nothing does.")
    mend: str = Field(description="What to do about it.")


class Problem(BaseModel):
    __doc__ = f"An error, as `{MEDIA_TYPE}` (RFC 9457)."

    model_config = ConfigDict(extra="forbid")

    type: Literal["about:blank"]
    title: str
    status: int = Field(ge=400, le=599)
    detail: str = Field("", description="What to mend; left out of a 500, of which the server's log has the rest.")
    errors: list[Fault] = Field([], description="Every fault of a body that is well-formed but wrong (422).")
    id: str = Field(description="As in the header `X-Request-ID`: name it when you ask about this answer.")
