"""The rows that judge a protocol, with what its bundles answer for them."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fraud import bundle, schema
from fraud.bundle import Manifest
from fraud.dataset import split
from fraud.dataset.split import Split
from fraud.errors import UsageError
from fraud.evaluate.champion import champion
from fraud.scorer import Scorer, Scores
from fraud.settings import Settings


@dataclass(frozen=True)
class Judged:
    """The rows that judge one protocol, with the answers of its bundles by role, its champion among them, if any.

    `train` holds the rows that they were fitted on, `frame` those that judge them, `rows` the latter's positions.
    """

    train: pd.DataFrame
    rows: NDArray[np.intp]
    frame: pd.DataFrame
    scorers: dict[str, Scorer]
    scores: dict[str, Scores]
    caveats: list[str]

    def manifest(self, role: str) -> Manifest:
        return self.scorers[role].manifest

    @cached_property
    def features(self) -> NDArray[np.float64]:
        """Shape (n, 30), columns as in `schema.FEATURES`."""
        return self.frame[list(schema.FEATURES)].to_numpy(np.float64)

    @cached_property
    def label(self) -> NDArray[np.int8]:
        return self.frame[schema.LABEL.name].to_numpy().astype(np.int8)

    @cached_property
    def amount(self) -> NDArray[np.float64]:
        return self.frame[schema.AMOUNT.name].to_numpy(np.float64)

    @cached_property
    def time(self) -> NDArray[np.float64]:
        return self.frame[schema.TIME.name].to_numpy(np.float64)


def judged(protocol: str, frame: pd.DataFrame, data_digest: str, rows: Split, settings: Settings) -> Judged:
    """Ask the bundles of one protocol about the rows that judge them.

    Args:
        frame: all rows of the data, 31 columns.
        data_digest: of the file that they were read from.
        rows: those of `frame` that train and that judge.

    Raises:
        UsageError: a bundle is missing, was changed, or was fitted on other rows than these.
    """
    test = frame.iloc[rows.test]
    features = test[list(schema.FEATURES)].to_numpy()
    scorers = {}
    for role, folder in bundle.FOLDERS[protocol].items():
        scorers[role] = Scorer(settings.build / folder, threads=settings.jobs)
        _refuse_other_rows(settings.build / folder, scorers[role].manifest, data_digest, rows, protocol)
    held = champion(protocol, frame, data_digest, rows, settings)
    if held is not None:
        scorers["champion"] = held.scorer
    scores = {role: scorer.score(features) for role, scorer in scorers.items()}
    caveats = [] if held is None else held.caveats
    return Judged(frame.iloc[rows.train], rows.test, test, scorers, scores, caveats)


def _refuse_other_rows(folder: Path, manifest: Manifest, data_digest: str, rows: Split, protocol: str) -> None:
    fitted_on = manifest.protocol, manifest.training["data"]["digest"], manifest.training["rows_digest"]
    if fitted_on != (protocol, data_digest, split.digest(rows.train)):
        raise UsageError(
            f"{folder} was not fitted on the training rows of the {protocol} protocol, so what is left would not judge "
            f"it: run `make train` again"
        )
