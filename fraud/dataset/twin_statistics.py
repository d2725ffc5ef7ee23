"""The aggregate statistics that a synthetic twin is drawn from, and the JSON file that holds them."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fraud import schema
from fraud.artefacts import write_text
from fraud.errors import UsageError

Floats = NDArray[np.float64]
Share = Annotated[float, Field(ge=0, lt=1)]

_WIDTH = len(schema.FEATURES)
_TRIANGLE = _WIDTH * (_WIDTH + 1) // 2
_DIGITS = 6


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)


class Mixture(_Part):
    """Gaussian components over the features, in their units; each stands for at least ten rows.

    `factors` holds the lower triangle, row by row, of each covariance's Cholesky factor, which survives rounding.
    """

    weights: list[Annotated[float, Field(ge=0)]] = Field(min_length=1)
    means: list[list[float]]
    factors: list[list[float]]

    @model_validator(mode="after")
    def _shapes(self) -> Self:
        count = len(self.weights)
        if len(self.means) != count or len(self.factors) != count:
            raise ValueError(f"{count} weights need as many means and factors")
        if any(len(mean) != _WIDTH for mean in self.means) or any(len(row) != _TRIANGLE for row in self.factors):
            raise ValueError(f"a mean needs {_WIDTH} numbers and a factor {_TRIANGLE}")
        if sum(self.weights) <= 0:
            raise ValueError("the weights must not all be 0")
        return self

    @classmethod
    def of(cls, weights: Floats, means: Floats, covariances: Floats) -> Self:
        """From arrays of shapes (k,), (k, 30) and (k, 30, 30)."""
        factors = np.linalg.cholesky(covariances)[:, *np.tril_indices(_WIDTH)]
        return cls(weights=rounded(weights), means=rounded(means), factors=rounded(factors))

    def draw(self, rows: int, rng: np.random.Generator, weights: list[float] | None = None) -> Floats:
        """Draw an array of shape (rows, 30), components by `weights` where given, else by their own."""
        share = np.asarray(self.weights if weights is None else weights)
        component = rng.choice(len(share), rows, p=share / share.sum())
        drawn = rng.standard_normal((rows, _WIDTH))
        factor = np.zeros((_WIDTH, _WIDTH))
        for k in np.unique(component):
            factor[np.tril_indices(_WIDTH)] = self.factors[k]
            drawn[component == k] = drawn[component == k] @ factor.T + self.means[k]
        return drawn


class Margin(_Part):
    """Quantiles of one feature at equal levels: as the mixture draws it, and as the genuine rows have it.

    Beyond the outermost quantiles genuine values lie `low_stretch` and `high_stretch` times as far out as drawn ones,
    in the mean.
    """

    drawn: list[float] = Field(min_length=2)
    genuine: list[float]
    low_stretch: Annotated[float, Field(ge=0)]
    high_stretch: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if len(self.drawn) != len(self.genuine):
            raise ValueError("a margin needs as many drawn quantiles as genuine ones")
        if (np.diff(self.drawn) < 0).any() or (np.diff(self.genuine) < 0).any():
            raise ValueError("quantiles must ascend")
        return self

    def corrected(self, values: Floats) -> Floats:
        """Map drawn values, shape (n,), onto the genuine distribution."""
        below = np.minimum(values - self.drawn[0], 0) * self.low_stretch
        above = np.maximum(values - self.drawn[-1], 0) * self.high_stretch
        return np.interp(values, self.drawn, self.genuine) + below + above


class Statistics(_Part):
    """What a fit to genuine rows leaves of them. Shares of rows lie between 0 and 1.

    Frauds are either overt, with a mixture of their own, or hidden among the legitimate: drawn from the components of
    the legitimate by `hidden_weights`, each moved by a random part of `hidden_shift`. An impostor is a legitimate row
    that looks like an overt fraud. `repeats` are exact copies of other rows.
    """

    version: Literal[1] = 1
    about: str
    legitimate: Mixture
    overt: Mixture
    legitimate_margins: list[Margin] = Field(min_length=_WIDTH, max_length=_WIDTH)
    overt_margins: list[Margin] = Field(min_length=_WIDTH, max_length=_WIDTH)
    hidden_share: Share
    hidden_weights: list[Annotated[float, Field(ge=0)]]
    hidden_shift: list[float] = Field(min_length=_WIDTH, max_length=_WIDTH)
    impostor_share: Share
    legitimate_repeats: Share
    fraud_repeats: Share
    time_high: Annotated[float, Field(gt=0)]
    amount_high: Annotated[float, Field(gt=0)]

    @model_validator(mode="after")
    def _components(self) -> Self:
        if len(self.hidden_weights) != len(self.legitimate.weights) or sum(self.hidden_weights) <= 0:
            raise ValueError("hidden_weights need one weight a legitimate component, not all of them 0")
        return self


def rounded(values: NDArray[np.floating]) -> list[Any]:
    """As nested lists of floats with six significant digits."""
    listed: list[Any] = np.vectorize(lambda value: float(f"{value:.{_DIGITS}g}"), otypes=[float])(values).tolist()
    return listed


def save(statistics: Statistics, path: Path) -> None:
    """Write the statistics as JSON, whole or not at all."""
    write_text(path, statistics.model_dump_json() + "\n")


def load(path: Path) -> Statistics:
    """Read what `save` wrote.

    Raises:
        UsageError: the file is missing, is not JSON, has another version, or its numbers don't fit together.
    """
    try:
        return Statistics.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise UsageError(f"{path} is missing: make it with `python -m fraud twin fit DATA`") from None
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"]) or "the whole file"
        raise UsageError(
            f"{path} holds no statistics of a twin ({place}: {first['msg']}): "
            "restore it, or make it with `python -m fraud twin fit DATA`"
        ) from None
