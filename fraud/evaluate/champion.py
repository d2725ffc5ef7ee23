"""The champion: the bundle that shipped last, to be asked about the rows that judge the new one.

Whoever was fitted on a row knows its answer, so a champion must not be judged on rows that trained it. What can be
known of that is in its manifest: the digest of its data, that of its row positions, and the settings that parted them.

- The same rows of the same data trained both: the comparison is fair.
- Other rows of the same data: its split is made again from its own settings. If none of its rows judges here, the
  comparison is fair; if one does, or if that can't be shown, there is no comparison.
- Other data: no digest tells whether the two files share rows, as this month's file and last month's may. The
  comparison stands and says that it may flatter the champion. So the error lies on the safe side: a model that is no
  worse than a flattered champion is no worse than an honest one, while a regression may be the flattery. The champion's
  file is not searched for such rows even where it still lies about: the verdict would hang on whether somebody kept it.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fraud import artefacts, bundle
from fraud.bundle import Manifest
from fraud.dataset import split
from fraud.dataset.split import Rows, Split
from fraud.errors import UsageError
from fraud.scorer import Scorer
from fraud.settings import Settings

OTHER_DATA = "champion saw other rows: the comparison may flatter it"
OTHER_ROWS = "champion saw other rows, none of which judge here"
DID_NOT_SHIP = "champion did not pass its own gates: losses against the one that shipped last may hide here"


@dataclass(frozen=True)
class Champion:
    """A champion that may be judged, and what must be said beside its figures."""

    scorer: Scorer
    caveats: list[str]


def champion(protocol: str, frame: pd.DataFrame, data_digest: str, rows: Split, settings: Settings) -> Champion | None:
    """The champion of one protocol, `None` where no baseline is given.

    Args:
        frame: all rows of the data, 31 columns.
        data_digest: of the file that they were read from.
        rows: those of `frame` that train and that judge the new bundle.

    Raises:
        UsageError: the baseline holds no such bundle, or one that may have seen rows which judge here.
    """
    if settings.baseline is None:
        return None
    folder = bundle.FOLDERS[protocol]["model"]
    try:
        scorer = Scorer(settings.baseline / folder, threads=settings.jobs)
    except UsageError as error:
        raise UsageError(
            f"no champion in BASELINE={settings.baseline} ({error}): name the build folder of the last run that "
            f"shipped, or leave BASELINE out"
        ) from None
    caveats = _caveats(scorer.manifest, frame, data_digest, rows)
    if caveats is None:
        raise UsageError(
            f"{settings.baseline / folder} was fitted on rows of this very data, and can't be shown to have seen none "
            f"that judge the {protocol} protocol here: judge with the seed and shares that it was trained with, or "
            f"leave BASELINE out"
        )
    shipped = _shipped(settings.baseline, folder, scorer.manifest.digest)
    return Champion(scorer, caveats if shipped else [*caveats, DID_NOT_SHIP])


def _caveats(manifest: Manifest, frame: pd.DataFrame, data_digest: str, rows: Split) -> list[str] | None:
    """What its training rows make it necessary to say; `None` where they rule the comparison out."""
    if manifest.training["data"]["digest"] != data_digest:
        return [OTHER_DATA]
    if manifest.training["rows_digest"] == split.digest(rows.train):
        return []
    fitted_on = _training_rows(manifest, frame)
    return None if fitted_on is None or np.isin(rows.test, fitted_on).any() else [OTHER_ROWS]


def _training_rows(manifest: Manifest, frame: pd.DataFrame) -> Rows | None:
    """The rows of `frame` that a bundle of the same data was fitted on; `None` where they can't be found out."""
    told = manifest.provenance["settings"]
    splits = split.protocols(frame, told["test_share"], told["future_share"], told["seed"])
    candidates = (rows.train for rows in splits.values())
    return next((rows for rows in candidates if split.digest(rows) == manifest.training["rows_digest"]), None)


def _shipped(baseline: Path, folder: str, digest: str) -> bool:
    """Whether the gates of its own run passed this very bundle."""
    try:
        gate = artefacts.read_json(baseline / artefacts.GATE, "make check-model", ("verdict", "bundles"))
    except UsageError:
        return False
    return bool(gate["verdict"] == "pass" and gate["bundles"].get(folder) == digest)
