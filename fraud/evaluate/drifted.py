"""How far the rows that judge a model lie from those that it was fitted on, as it sees them."""

import math
from typing import Any

import numpy as np

from fraud import schema
from fraud.evaluate.judged import Judged
from fraud.features import prepare
from fraud.metrics.drift import drift

# So many training rows at most, evenly spread: more would take their time and move the figures by chance only.
_MOST = 50_000


def drifted(judged: Judged, weight: float) -> dict[str, Any]:
    """The drift of each feature, as `features.prepare` makes it, and of the score, a legitimate row counting `weight`.

    The score of a row that trained the model is surer than that of another, so some of the score's drift is that.
    """
    scorer = judged.scorers["model"]
    thinned = judged.train.iloc[:: math.ceil(len(judged.train) / _MOST)]
    train = thinned[list(schema.FEATURES)].to_numpy(np.float64)
    weights = tuple(np.where(frame[schema.LABEL.name] == 1, 1.0, weight) for frame in (thinned, judged.frame))
    before, after = (prepare(raw, scorer.manifest.time).T.astype(np.float64) for raw in (train, judged.features))
    return {
        "rows": {"train": len(thinned), "test": len(judged.frame)},
        "features": {
            name: drift(before[column], after[column], *weights) for column, name in enumerate(schema.FEATURES)
        },
        "score": drift(scorer.probability(train), judged.scores["model"].probability, *weights),
    }
