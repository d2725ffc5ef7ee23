"""What the gates said of a model: `gate.json`, which lies with its bundle."""

import logging
import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fraud import artefacts

_log = logging.getLogger(__name__)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class Gate(_Frozen):
    """A figure that was measured on rows kept apart, and what it was held against."""

    name: str = Field(description="Such as `random: recall`: the rows that judged, and the metric.")
    value: float
    low: float | None = Field(description="With `high` the 95% interval; null where there is none.")
    high: float | None
    judged: Literal["value", "low", "high"] = Field(description="Which of the three was held against the limit.")
    limit: str = Field(description="Such as `at least 0.7`.")
    passed: bool
    reason: str = Field(description="Why there is such a limit.")
    detail: str


class Verdict(_Frozen):
    """What the gates said of this very model."""

    verdict: Literal["pass", "fail"]
    sentence: str
    gates: tuple[Gate, ...]


class _Document(Verdict):
    format: Literal[1] = 1
    bundles: dict[str, str]


def read(folder: Path, digest: str) -> Verdict | None:
    """The verdict on the bundle of this digest, inside its folder or beside that; None where there is none on it.

    One that can't be read is none: it is told in the log, and keeps no model from answering.
    """
    path = artefacts.verdict_on(Path(os.path.realpath(folder)))
    if not os.path.lexists(path):
        return None
    try:
        found = _Document.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        _log.error("%s can't be used, and what the gates said is not told: %s", path, str(error).replace("\n", " "))
        return None
    if found.bundles.get("model") != digest:
        return None
    return Verdict.model_validate(found.model_dump(include=set(Verdict.model_fields)))


def write(folder: Path, digest: str, verdict: Verdict) -> None:
    """Write the verdict on the bundle of this digest into its folder."""
    document = _Document(bundles={"model": digest}, **dict(verdict))
    artefacts.write_text(folder / artefacts.GATE, document.model_dump_json())
