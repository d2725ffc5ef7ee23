"""How true a twin is: as hard as the genuine rows, shaped like them, and nobody's row."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from fraud import schema
from fraud.dataset import twin_fit
from fraud.dataset.load import load
from fraud.dataset.twin import draw
from fraud.errors import UsageError
from fraud.learn.difficulty import Difficulty
from fraud.learn.resemblance import resemblance
from fraud.terminal import table, track

TWINS = 5

# Draws a data set from numbers of rows and frauds and a seed.
Draw = Callable[[int, int, int], pd.DataFrame]

_LABEL = schema.LABEL.name
_FEWEST_FRAUDS = 80
# Of the split and the models.
_SEED = 0


@dataclass(frozen=True)
class Line:
    """One measurement: what genuine rows give, what the twin gives, and the limits of what is judged of the two."""

    name: str
    genuine: float
    twin: float
    judged: float
    low: float
    high: float

    @property
    def passed(self) -> bool:
        """False also where what is judged is not a number."""
        return self.low <= self.judged <= self.high


def run_check(data: Path, jobs: int = 1) -> int:
    """Measure and print the fidelity of twins fitted to the file `data`; the exit code is 1 where a line fails.

    Raises:
        UsageError: the file can't be read or holds too few frauds.
    """
    lines = fidelity(load(data), jobs=jobs)
    print(as_table(lines))
    return 0 if all(line.passed for line in lines) else 1


def as_table(lines: list[Line]) -> str:
    """The measurements as a table for a terminal."""
    rows = [
        (*(line.name, f"{line.genuine:.3f}", f"{line.twin:.3f}", f"{line.judged:.3f}"), _limits(line), _verdict(line))
        for line in lines
    ]
    return table("fidelity of the twin", ("measure", "genuine", "twin", "judged", "limits", "verdict"), rows)


def fidelity(
    frame: pd.DataFrame,
    fit: Callable[[pd.DataFrame], Draw] | None = None,
    twins: int = TWINS,
    trees: int = 100,
    jobs: int = 1,
) -> list[Line]:
    """Measure twins fitted to one half of genuine rows against the other half, then with the halves swapped.

    Rows with equal components stand in the same half, whatever their time and amount. Each twin has as many rows and
    frauds as the half that it stands for. What is judged are means over both halves and all twins.

    Args:
        frame: genuine rows with the columns of `schema.COLUMNS`, at least 80 of them frauds.
        fit: makes a generator from the rows of a half; by default that of `twin_fit`.
        twins: how many are drawn from each half, each from a seed of its own.
        trees: of the random forest.
        jobs: threads that the forest may use.

    Raises:
        UsageError: there are too few frauds.
    """
    frauds = _frauds(frame)
    if frauds < _FEWEST_FRAUDS:
        raise UsageError(f"{frauds} frauds are too few to check a twin in halves: it takes {_FEWEST_FRAUDS}")
    difficulty = Difficulty(trees, jobs, _SEED)
    measured: dict[str, list[tuple[float, float]]] = {}
    for fitting, held_out in _halves(frame):
        generate = (fit or _fitted)(fitting)
        genuine = difficulty.of_genuine(fitting, held_out) | resemblance(held_out, fitting, fitting, _SEED)
        for k in track(range(twins), "twins", total=twins):
            first, second = (
                generate(len(half), _frauds(half), 2 * k + i) for i, half in enumerate((fitting, held_out))
            )
            drawn = difficulty.of_twin(first, second, held_out) | resemblance(first, held_out, fitting, _SEED)
            for name, value in drawn.items():
                measured.setdefault(name, []).append((genuine[name], value))
    return [_line(name, *np.mean(pairs, axis=0).tolist()) for name, pairs in measured.items()]


def _halves(frame: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    components = frame[[column.name for column in schema.COMPONENTS]].round(6)
    group = pd.util.hash_pandas_object(components, index=False).to_numpy()
    split = StratifiedGroupKFold(2, shuffle=True, random_state=_SEED).split(frame, frame[_LABEL], group)
    for fitting, held_out in split:
        yield frame.iloc[fitting].reset_index(drop=True), frame.iloc[held_out].reset_index(drop=True)


def _fitted(fitting: pd.DataFrame) -> Draw:
    statistics = twin_fit.fit(fitting)
    return lambda rows, frauds, seed: draw(statistics, rows, frauds, seed)


def _frauds(frame: pd.DataFrame) -> int:
    return int((frame[_LABEL] == 1).sum())


def _ratio(genuine: float, twin: float) -> float:
    return twin / genuine if genuine else float("nan")


def _difference(genuine: float, twin: float) -> float:
    return twin - genuine


def _twin(genuine: float, twin: float) -> float:
    return twin


# For each measure: what is judged of the two means, and between which limits it has to lie.
_LIMITS: dict[str, tuple[Callable[[float, float], float], float, float]] = {
    # A model that learnt on the twin is worth nearly as much as one that learnt on genuine rows.
    "boosting on genuine rows: average precision": (_ratio, 0.8, np.inf),
    "boosting on genuine rows: ROC-AUC": (_difference, -0.02, 0.02),
    # As hard as the genuine rows: an easy twin would promise what no model keeps.
    "forest on its own kind: average precision": (_difference, -0.05, 0.05),
    # Nobody's row, and not nearer to anybody's than other people's rows are.
    "rows equal to a genuine one": (_twin, 0, 0),
    "distance to the nearest genuine row, 5th percentile": (_ratio, 1, np.inf),
    # Shape. The genuine halves differ from each other by chance alone; the twin may differ a little more.
    "legitimate margins: mean Kolmogorov-Smirnov distance": (_difference, -np.inf, 0.02),
    "fraud margins: mean Kolmogorov-Smirnov distance": (_difference, -np.inf, 0.05),
    "log Amount explained by the components: R²": (_difference, -0.06, 0.06),
    "share of rows by hour: total variation": (_difference, -np.inf, 0.05),
    "rows whose amount is among the 50 commonest": (_difference, -0.05, 0.05),
}


def _line(name: str, genuine: float, twin: float) -> Line:
    judge, low, high = _LIMITS[name]
    return Line(name, genuine, twin, judge(genuine, twin), low, high)


def _limits(line: Line) -> str:
    if line.low == line.high:
        return f"{line.low:g}"
    if line.high == np.inf:
        return f"at least {line.low:g}"
    return f"at most {line.high:g}" if line.low == -np.inf else f"{line.low:g} to {line.high:g}"


def _verdict(line: Line) -> str:
    return "pass" if line.passed else "FAIL"
