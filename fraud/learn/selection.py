"""Cross-validation of candidates on identical folds: what each answers for rows that its fit has not seen."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score

from fraud import schema
from fraud.dataset.split import Split
from fraud.features import TimeMeaning, prepare
from fraud.learn.candidates import Candidate, fit
from fraud.learn.export import to_graph
from fraud.learn.store import Answers, Store


@dataclass
class Trial:
    """One candidate in cross-validation: its output for rows that its fits have not seen, fold by fold.

    `out_of_fold`, shape (n,), is NaN for rows that no fold judges, and so is `standing`, the share of its fold's rows
    that each outranks: outputs of fits on different rows share no scale, these shares do, and no label makes them.
    `fold`, shape (n,), is the number of the fold that judges a row, else -1.
    `average_precision` has one entry a fold; the seconds are those that its fits and its answers took, added up;
    `size` is that of the last fit's graph in bytes, `None` of what has no exact one.
    """

    candidate: Candidate
    out_of_fold: NDArray[np.float64]
    standing: NDArray[np.float64]
    fold: NDArray[np.intp]
    average_precision: list[float] = field(default_factory=list)
    fit_seconds: float = 0.0
    answer_seconds: float = 0.0
    size: int | None = None

    @property
    def score(self) -> float:
        return float(np.mean(self.average_precision))

    def record(self) -> dict[str, Any]:
        """What the artefacts keep of a trial."""
        return {
            "name": self.candidate.name,
            "description": self.candidate.description,
            "average_precision": self.score,
            "by_fold": self.average_precision,
            "seconds": round(self.fit_seconds + self.answer_seconds, 2),
        }


class OutOfTimeError(Exception):
    """The time that was given is used up."""


@dataclass(frozen=True)
class Frame:
    """What every fit of a study shares.

    Args:
        rows: all 31 columns.
        weight: what one legitimate row counts for, a fraud counting 1.
        seed: of every model.
        jobs: processes side by side, each on one thread: the answer does not depend on how many there are, and two
            fits on a core each end sooner than one after the other on both.
        store: where fits are kept, so that none is done twice.
        deadline: of `time.monotonic()`; no fit begins that would probably end after it.
        planned: called with the number of fits that are about to be done.
        done: called after each of them, found in the store or not.
        judged: called after each outer fold of a study.
        longest: how long fits have taken, in seconds, by which it is told whether the next one ends in time.
    """

    rows: pd.DataFrame
    weight: float
    seed: int
    jobs: int = 1
    store: Store = Store()  # noqa: RUF009, it keeps nothing
    deadline: float = float("inf")
    planned: Callable[[int], None] = lambda _: None
    done: Callable[[], None] = lambda: None
    judged: Callable[[], None] = lambda: None
    longest: dict[str, float] = field(default_factory=dict)

    @property
    def label(self) -> NDArray[np.int8]:
        return self.rows[schema.LABEL.name].to_numpy().astype(np.int8)


def cross_validate(candidates: Sequence[Candidate], frame: Frame, folds: Sequence[Split]) -> list[Trial]:
    """Fit every candidate on each fold's training rows and score the others.

    Raises:
        OutOfTimeError: the deadline came first; what was fitted is kept in the store.
    """
    label = frame.label
    weights = np.where(label == 1, 1.0, frame.weight)
    # Each member of a blend is fitted once for all blends that it is in.
    parts = {part.content: part for candidate in candidates for part in candidate.members or (candidate,)}
    prepared = {part.time: inputs(frame.rows, part)[0] for part in parts.values()}
    work = [(part, fold) for part in parts.values() for fold in folds]
    frame.planned(len(work))
    found = dict(
        zip(
            ((content, k) for content in parts for k in range(len(folds))),
            _answers(work, frame, prepared, label),
            strict=True,
        )
    )
    trials = []
    for candidate in candidates:
        nothing = np.full(len(label), np.nan)
        trial = Trial(candidate, nothing.copy(), nothing, np.full(len(label), -1))
        for k, fold in enumerate(folds):
            answers = [found[part.content, k] for part in candidate.members or (candidate,)]
            output = candidate.blended([answered.output for answered in answers])
            trial.out_of_fold[fold.test] = output
            trial.fold[fold.test] = k
            trial.standing[fold.test] = rankdata(output) / len(output)
            trial.average_precision.append(
                float(average_precision_score(label[fold.test], output, sample_weight=weights[fold.test]))
            )
            trial.fit_seconds += sum(answered.fit_seconds for answered in answers)
            trial.answer_seconds += sum(answered.answer_seconds for answered in answers)
            sizes = [answered.size for answered in answers]
            trial.size = None if None in sizes else sum(size for size in sizes if size is not None)
        trials.append(trial)
    return trials


def inputs(rows: pd.DataFrame, candidate: Candidate) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """A candidate's input, shape (n, 30), and the labels, shape (n,)."""
    prepared = prepare(rows[list(schema.FEATURES)].to_numpy(), candidate.time)
    return prepared, rows[schema.LABEL.name].to_numpy().astype(np.int8)


def _answers(
    work: Sequence[tuple[Candidate, Split]],
    frame: Frame,
    prepared: dict[TimeMeaning, NDArray[np.float32]],
    label: NDArray[np.int8],
) -> Iterator[Answers]:
    """One answer for each piece of work, in order: from the store, or fitted now and kept there."""
    keys = [
        frame.store.key(candidate, prepared[candidate.time], label, fold, frame.weight, frame.seed)
        for candidate, fold in work
    ]
    # Where fits are kept, equal ones are done once; elsewhere they have no keys to tell. What is fitted now is settled
    # here: another run may keep an answer meanwhile, by which the answers awaited would be taken for others'.
    told: set[str] = set()
    new = []
    for key in keys:
        new.append(not frame.store.holds(key) and not (key and key in told))
        told.add(key)

    def in_time() -> Iterator[Any]:
        for candidate, fold in compress(work, new):
            if time.monotonic() + frame.longest.get(_kind(candidate), 0.0) > frame.deadline:
                return
            yield delayed(_answer)(candidate, prepared[candidate.time], label, fold, frame.weight, frame.seed)

    fitted = Parallel(n_jobs=min(frame.jobs, max(sum(new), 1)), return_as="generator", pre_dispatch="n_jobs")(in_time())
    for key, (candidate, _), is_new in zip(keys, work, new, strict=True):
        if is_new:
            try:
                answered: Answers = next(fitted)
            except StopIteration:
                raise OutOfTimeError from None
            seconds = answered.fit_seconds + answered.answer_seconds
            frame.longest[_kind(candidate)] = max(frame.longest.get(_kind(candidate), 0.0), seconds)
            frame.store.put(key, answered)
        else:
            answered = frame.store.get(key)
        frame.done()
        yield answered


def _kind(candidate: Candidate) -> str:
    """Of those that take about the same time to fit."""
    return f"{candidate.estimator} {candidate.resample}"


def _answer(
    candidate: Candidate,
    prepared: NDArray[np.float32],
    label: NDArray[np.int8],
    fold: Split,
    weight: float,
    seed: int,
) -> Answers:
    started = time.perf_counter()
    model = fit(candidate, prepared[fold.train], label[fold.train], weight, seed)
    fitted = time.perf_counter()
    output = model.output(prepared[fold.test])
    answered = time.perf_counter()
    return Answers(output, fitted - started, answered - fitted, len(to_graph(model)) if candidate.servable else None)
