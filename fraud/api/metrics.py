"""What an operator watches, in Prometheus' text format, summed over all workers.

Each worker counts in files of its own, which outlive it: one that was killed takes no count with it.
"""

from bisect import bisect_left
from collections import Counter as Counted
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from fraud import artefacts
from fraud.scorer import Score, Scores

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# Seconds: a decision takes tenths of a millisecond, a full list tenths of a second.
_DURATIONS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
# Probabilities: fraud is rare, so that most of what there is to see lies far below 0.1.
_BANDS = (0.0001, 0.001, 0.01, 0.1, 0.5, 0.9, 1.0)


class Metrics:
    """Counts requests and decisions.

    Args:
        folder: where the workers count, which `PROMETHEUS_MULTIPROC_DIR` must name before this module is imported;
            without one this process counts for itself alone.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._own = CollectorRegistry()
        requests = Counter("fraud_requests", "Requests answered", ["route", "status"], registry=self._own)
        durations = Histogram(
            "fraud_request_duration_seconds",
            "From the request's head to its answer",
            ["route"],
            buckets=_DURATIONS,
            registry=self._own,
        )
        decisions = Counter("fraud_decisions", "Transactions decided", ["decision", "model"], registry=self._own)
        scores = Counter(
            "fraud_scores",
            "Transactions whose probability is at most `up_to`, and above the band before it",
            ["up_to"],
            registry=self._own,
        )
        # Of the workers that run: what a dead one served is no longer served.
        self._workers = Gauge(
            "fraud_workers",
            "Workers that answer with the model",
            ["model"],
            registry=self._own,
            multiprocess_mode="livesum",
        )
        self._refusing = Gauge(
            "fraud_workers_refusing",
            "Workers that keep their model, since the bundle that is there now can't be used",
            registry=self._own,
            multiprocess_mode="livesum",
        )
        self._reloads = Counter(
            "fraud_bundle_reloads", "Bundles found in the place of the one served", ["outcome"], registry=self._own
        )
        # Of the same labels always the same counter, without looking it up behind a lock.
        self._request: Callable[[str, int], Any] = cache(requests.labels)
        self._duration: Callable[[str], Any] = cache(durations.labels)
        self._decision: Callable[[str, str], Any] = cache(decisions.labels)
        self._bands = [scores.labels(f"{band:g}") for band in _BANDS]

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self._request(route, status).inc()
        self._duration(route).observe(seconds)

    def decided(self, scores: Scores | Score, model: str) -> dict[str, int]:
        """Count the decisions of one request; returns how many there are of each."""
        if isinstance(scores, Score):
            self._decision(scores.decision, model).inc()
            self._bands[bisect_left(_BANDS, scores.probability)].inc()
            return {scores.decision: 1}
        counts = dict(Counted(scores.decision.tolist()))
        for decision, count in counts.items():
            self._decision(decision, model).inc(count)
        for band, count in Counted(np.searchsorted(_BANDS, scores.probability).tolist()).items():
            self._bands[band].inc(count)
        return counts

    def serves(self, model: str, instead_of: str | None = None) -> None:
        """Tell which model this worker answers with from now on."""
        if instead_of is not None:
            self._workers.labels(instead_of).set(0)
        self._workers.labels(model).set(1)

    def reloaded(self, outcome: Literal["loaded", "refused"]) -> None:
        """Count a bundle that was found in the place of the one that this worker serves."""
        self._reloads.labels(outcome).inc()

    def refuses(self, now: bool) -> None:
        """Tell whether the bundle that is there now can't be used."""
        self._refusing.set(now)

    def text(self) -> bytes:
        """All of it, of every worker."""
        registry = self._own
        if self._folder is not None:
            _forget_the_dead(self._folder)
            registry = CollectorRegistry()
            MultiProcessCollector(registry, str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(registry)


def _forget_the_dead(folder: Path) -> None:
    """Remove what a worker told of itself alone, where it is gone; what it counted stays."""
    for told in folder.glob("gauge_live*_*.db"):
        if not artefacts.runs(int(told.stem.rpartition("_")[2])):
            told.unlink(missing_ok=True)
