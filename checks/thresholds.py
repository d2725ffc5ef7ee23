"""Reading `checks/thresholds.toml`, where every limit stands with its reason."""

import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fraud.errors import UsageError

PATH = Path(__file__).with_name("thresholds.toml")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DataLimits(_Frozen):
    """Bounds on the data itself; see the comments beside the numbers."""

    min_fraud_share: float = Field(ge=0, lt=1)
    max_fraud_share: float = Field(gt=0, le=1)
    min_frauds: int = Field(ge=1)
    max_component_median: float = Field(gt=0)


class MetricLimit(_Frozen):
    """A gate on one metric of one protocol, or on its difference to the champion: the value or an end."""

    protocol: Literal["random", "chronological"]
    metric: str
    bind: Literal["value", "low", "high"]
    min: float | None = None
    max: float | None = None
    reason: str = Field(min_length=1)

    @model_validator(mode="after")
    def _has_a_limit(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("a gate needs `min`, `max` or both")
        return self


class ParityLimits(_Frozen):
    """How far the bundle may differ from the pipeline that it was exported from."""

    max_probability_difference: float = Field(ge=0)
    near_threshold: float = Field(ge=0)


class Thresholds(_Frozen):
    """All of the file."""

    data: DataLimits
    parity: ParityLimits
    champion: tuple[MetricLimit, ...] = Field(min_length=1)
    model: tuple[MetricLimit, ...] = Field(min_length=1)


def read(path: Path = PATH) -> Thresholds:
    """Read the limits.

    Raises:
        UsageError: the file is missing, is not TOML, or a table lacks a key or has one too many.
    """
    try:
        return Thresholds.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except (OSError, ValueError) as error:  # no such file, not UTF-8, not TOML
        raise UsageError(f"{path} can't be read: {error}") from None


def lines(text: str) -> dict[str, int]:
    """On which line of `text`, the file's, each key has its value: lines from 1, keys such as `model.0.min`.

    It is the first by which a reader of TOML knows the value, however it is spelt and whatever comments look like.
    """
    known: dict[str, int] = {}
    rows = text.split("\n")
    for number in range(1, len(rows) + 1):
        with suppress(tomllib.TOMLDecodeError):  # amid a value of several lines
            for key in _keys(tomllib.loads("\n".join(rows[:number]))):
                known.setdefault(key, number)
    return known


def _keys(value: Any, *path: str) -> Iterator[str]:
    if isinstance(value, dict | list):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _keys(inner, *path, str(name))
    else:
        yield ".".join(path)
