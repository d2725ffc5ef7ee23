"""What an operator watches, in Prometheus' text format, summed over all workers."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate
from typing import Literal

import numpy as np
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from fraud.api.counts import LACKING, Counts
from fraud.costs import DECISIONS
from fraud.scorer import Score, Scores

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# Seconds: a decision takes tenths of a millisecond, a full list tenths of a second.
_DURATIONS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
# Probabilities: fraud is rare, so that most of what there is to see lies far below 0.1.
_BANDS = (0.0001, 0.001, 0.01, 0.1, 0.5, 0.9, 1.0)

_COUNTERS = {
    "fraud_requests": ("Requests answered", ("route", "status")),
    "fraud_decisions": ("Transactions decided", ("decision", "model")),
    "fraud_scores": ("Transactions whose probability is at most `up_to`, and above the band before it", ("up_to",)),
    LACKING[0]: ("Counts that there is no room for, such as of a model after many others: restart the server", ()),
    "fraud_bundle_reloads": ("Bundles found in the place of the one served", ("outcome",)),
}
# Of the workers that run: what a dead one served is no longer served.
_GAUGES = {
    "fraud_workers": ("Workers that answer with the model", ("model",)),
    "fraud_workers_refusing": (
        "Workers that keep their model, since the bundle that is there now can't be used",
        (),
    ),
}
_DURATION = "fraud_request_duration_seconds"
# By route, how many took at most each of these and more than the one before it, and the seconds of all.
_BOUNDS = (*(f"{bound:g}" for bound in _DURATIONS), "+Inf")
_SUM = "sum"


class Metrics:
    """Counts requests and decisions in `counts`."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._bands = [counts.place("fraud_scores", f"{band:g}") for band in _BANDS]
        # What a worker told of itself whose counts these were is past.
        for count in counts.own():
            if count.name[0] in _GAUGES:
                counts.set(counts.place(*count.name), 0)
        self.refuses(False)
        self._registry = CollectorRegistry()
        self._registry.register(_Sums(counts))

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        place, add = self._counts.place, self._counts.add
        add(place("fraud_requests", route, str(status)))
        add(place(_DURATION, route, _BOUNDS[bisect_left(_DURATIONS, seconds)]))
        add(place(_DURATION, route, _SUM), seconds)

    def decided(self, scores: Scores | Score, model: str) -> dict[str, int]:
        """Count the decisions of one request; returns how many there are of each."""
        place, add = self._counts.place, self._counts.add
        if isinstance(scores, Score):
            add(place("fraud_decisions", scores.decision, model))
            add(self._bands[bisect_left(_BANDS, scores.probability)])
            return {scores.decision: 1}
        found = {decision: int(np.count_nonzero(scores.decision == decision)) for decision in DECISIONS}
        decisions = {decision: count for decision, count in found.items() if count}
        for decision, count in decisions.items():
            add(place("fraud_decisions", decision, model), count)
        bands = np.bincount(np.searchsorted(_BANDS, scores.probability), minlength=len(_BANDS))
        for band, count in zip(self._bands, bands.tolist(), strict=True):
            add(band, count)
        return decisions

    def serves(self, model: str, instead_of: str | None = None) -> None:
        """Tell which model this worker answers with from now on."""
        if instead_of is not None:
            self._counts.set(self._counts.place("fraud_workers", instead_of), 0)
        self._counts.set(self._counts.place("fraud_workers", model), 1)

    def reloaded(self, outcome: Literal["loaded", "refused"]) -> None:
        """Count a bundle that was found in the place of the one that this worker serves."""
        self._counts.add(self._counts.place("fraud_bundle_reloads", outcome))

    def refuses(self, now: bool) -> None:
        """Tell whether the bundle that is there now can't be used."""
        self._counts.set(self._counts.place("fraud_workers_refusing"), now)

    def text(self) -> bytes:
        """All of it, of every worker."""
        return generate_latest(self._registry)


class _Sums(Collector):
    """The counts of all workers as Prometheus' families."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        sums: dict[str, dict[tuple[str, ...], float]] = defaultdict(lambda: defaultdict(float))
        for (family, *labels), value, alive in self._counts.all():
            if alive or family not in _GAUGES:
                sums[family][tuple(labels)] += value
        # Nobody counts it where there is none.
        sums[LACKING[0]][()] += 0
        for name, (words, named) in _COUNTERS.items():
            counter = CounterMetricFamily(name, words, labels=named)
            for values, value in sums[name].items():
                counter.add_metric(values, value)
            yield counter
        for name, (words, named) in _GAUGES.items():
            gauge = GaugeMetricFamily(name, words, labels=named)
            for values, value in sums[name].items():
                gauge.add_metric(values, value)
            yield gauge
        yield _durations(sums[_DURATION])


def _durations(sums: dict[tuple[str, ...], float]) -> Metric:
    histogram = HistogramMetricFamily(_DURATION, "From the request's head to its answer", labels=("route",))
    for route in dict.fromkeys(route for route, _ in sums):
        reached = accumulate(sums.get((route, bound), 0.0) for bound in _BOUNDS)
        histogram.add_metric([route], list(zip(_BOUNDS, reached, strict=True)), sums.get((route, _SUM), 0.0))
    return histogram
