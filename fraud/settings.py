"""One frozen settings object. `FRAUD_*` environment variables override the defaults; the Makefile sets those."""

import os
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import DirectoryPath, Field, SecretStr, ValidationError, ValidationInfo, field_validator

from fraud.costs import CostModel
from fraud.errors import UsageError

PREFIX = "FRAUD_"

# How the API is served.
SERVING = (
    "bundle",
    "host",
    "port",
    "workers",
    "api_keys_file",
    "rate_limit",
    "rate_store",
    "access_log",
    "log_transactions",
)

Share = Annotated[float, Field(gt=0, lt=1)]
Rate = Annotated[str, Field(pattern="^[1-9][0-9]{0,8}/(second|minute|hour|day)$")]


class Settings(CostModel):
    """Everything that a run can be told, the cost model included. Unknown keys are an error; `None`: not given."""

    data: Path = Field(Path("data/creditcard.csv"), description="the transactions: .csv, .csv.gz or .parquet")
    data_source: Literal["auto", "real", "twin"] = Field("auto", description="where DATA comes from if it is absent")
    build: Path = Field(Path("build"), description="where everything that is made lies")
    baseline: DirectoryPath | None = Field(None, description="build folder of the champion: the last run that shipped")
    prevalence: Share | None = Field(None, description="share of fraud in production; without it, as in DATA")
    seed: int = Field(42, ge=0, lt=2**32, description="of every split, draw and model")
    jobs: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, description="threads that may compute")
    all_rows: bool = Field(False, description="fit one bundle on every row: it carries no metrics, no gate passes it")

    twin_rows: int = Field(284_807, ge=1_000, description="rows of the synthetic twin")
    twin_frauds: int = Field(492, ge=20, description="frauds of the synthetic twin")

    budget: Annotated[float, Field(gt=0)] | None = Field(None, description="minutes that a study may take")
    rounds: int = Field(1, ge=1, description="rounds of outer folds of a study, each dealt anew")

    test_share: Share = Field(0.3, description="share of rows that judges the random protocol")
    future_share: Share = Field(0.2, description="share of rows, the latest, that judges the chronological protocol")
    folds: int = Field(3, ge=2, le=20, description="folds of the cross-validation that selects and calibrates")
    target_precision: Share = Field(0.85, description="precision that the threshold of `review` aims at")
    decline_precision: Share = Field(0.95, description="precision that the threshold of `decline` aims at")
    threshold_rule: Literal["precision", "cost", "by_amount"] = Field(
        "precision",
        description="thresholds of the highest recall at the precision aimed at, or of the least cost: the same for "
        "all amounts, or each amount its own",
    )
    precision_floor: bool = Field(False, description="the rules of cost keep to the precision aimed at, too")
    alert_capacity: Share | None = Field(None, description="largest share of transactions that may raise an alert")
    bootstrap_draws: int = Field(1_000, ge=100, description="draws behind every 95% interval")
    volume: int | None = Field(None, ge=1, description="transactions a day: the report then tells the alerts a day")

    bundle: Path | None = Field(None, description="the bundle that the API serves, or a link to it; without it BUILD's")
    host: str = Field("127.0.0.1", description="address that the API listens on")
    port: int = Field(8000, ge=1, le=65535, description="port that the API listens on")
    workers: int = Field(1, ge=1, description="processes that serve the API")
    api_keys_file: Path | None = Field(None, description="hashed keys, one of which each client then needs")
    access_log: bool = Field(True, description="whether the API tells each request in a line of JSON")
    log_transactions: bool = Field(False, description="whether it tells each transaction, with its decision, too")
    rate_limit: Rate | None = Field(None, description="requests of each key, or else address, such as 100/minute")
    rate_store: SecretStr | None = Field(None, description="a Redis that counts them for all: redis://HOST:PORT")

    @field_validator("decline_precision")
    @classmethod
    def _no_laxer_than_review(cls, decline: float, info: ValidationInfo) -> float:
        # A laxer one would decline rows that are not even to be reviewed.
        if decline < info.data.get("target_precision", 0):
            raise ValueError("must be at least that of FRAUD_TARGET_PRECISION")
        return decline

    @field_validator("baseline")
    @classmethod
    def _not_what_is_overwritten(cls, baseline: Path | None, info: ValidationInfo) -> Path | None:
        # Training would overwrite the champion, and the new model then be found no worse than itself.
        build = info.data.get("build")
        if baseline is not None and build is not None and baseline.resolve() == build.resolve():
            raise ValueError("is what this run overwrites: name another FRAUD_BUILD for the new run")
        return baseline

    def recorded(self) -> dict[str, object]:
        """The settings that a result depends on, for its provenance: not where it lies or how it is served."""
        return self.model_dump(
            mode="json",
            exclude={"baseline", "budget", "build", "data", "rounds", "volume", *SERVING},
        )


@cache
def load() -> Settings:
    """Read the settings, once a process.

    Raises:
        UsageError: a `FRAUD_*` variable is unknown or its value is out of range.
    """
    known = {PREFIX + name.upper(): name for name in Settings.model_fields}
    given = {variable: value for variable, value in os.environ.items() if variable.startswith(PREFIX)}
    unknown = sorted(given.keys() - known.keys())
    if unknown:
        raise UsageError(f"unknown setting {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    try:
        # Make exports what is not given as an empty variable.
        return Settings.model_validate({known[variable]: value for variable, value in given.items() if value})
    except ValidationError as error:
        wrong = "; ".join(f"{PREFIX}{str(e['loc'][0]).upper()}={e['input']!r}: {e['msg']}" for e in error.errors())
        raise UsageError(f"a setting can't be used: {wrong}") from None
