"""The history of a build folder: `history.jsonl`, a line for each finished run, which nothing but appending changes."""

import fcntl
import json
import os
from datetime import datetime
from io import FileIO
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fraud.errors import UsageError
from fraud.report.evidence import Evidence
from fraud.terminal import say

NAME = "history.jsonl"

Protocol = Literal["random", "chronological"]
PROTOCOLS: tuple[Protocol, ...] = ("random", "chronological")


class _Frozen(BaseModel):
    # A later version may tell more of a run: what is known of it here can still be read.
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Figure(_Frozen):
    """A metric with its 95% interval."""

    value: float
    low: float
    high: float


class Judged(_Frozen):
    """What the bundle of one protocol is worth on the rows that judged it."""

    rows: int
    frauds: int
    version: str
    digest: str
    metrics: dict[str, Figure]

    def figure(self, metric: str) -> dict[str, float]:
        """One of `metrics`, by the names of its parts."""
        return self.metrics[metric].model_dump()


class Data(_Frozen):
    """The data that a run stands on."""

    source: Literal["published", "own", "twin"]
    digest: str
    rows: int
    frauds: int


class Run(_Frozen):
    """A finished run; `when` its gates judged it, `revision` that of the source which evaluated it."""

    format: Literal[1] = 1
    when: datetime
    verdict: Literal["pass", "fail"]
    sentence: str
    synthetic: bool
    data: Data
    protocols: Annotated[dict[Protocol, Judged], Field(min_length=len(PROTOCOLS))]
    settings: dict[str, Any]
    revision: str | None


def record(evidence: Evidence) -> None:
    """Append a finished run to the history of its build folder, unless it is the run that stands there last.

    Two runs are one where all but the date is the same. The same data, settings and source give the same bundles and
    figures, so a run that is made again, or only reported again, tells nothing new; another limit of a gate, which may
    change the verdict and nothing else, does. It is held against the last line only: where A became B and is A again,
    the history says so, and its last line is the run that lies in the folder.

    Raises:
        OSError: the line can't be written, such as to a full disk; the file is then what it was.
    """
    path = evidence.build / NAME
    run = _run(evidence)
    line = json.dumps(run.model_dump(mode="json"), ensure_ascii=False, allow_nan=False).encode() + b"\n"
    try:
        with path.open("a+b", buffering=0) as file:
            # Held until the file is closed: of two reports at once, the second sees the line of the first.
            fcntl.flock(file, fcntl.LOCK_EX)
            last = _mended(file, path)
            if last is None or last != run.model_copy(update={"when": last.when}):
                _append(file, line)
    except OSError as error:
        error.filename = str(path)
        raise


def read(build: Path) -> list[Run]:
    """The runs that were finished in `build`, oldest first; a line that can't be read is left out, and said to be.

    Raises:
        UsageError: no run was finished there, or no line of the history can be read.
    """
    path = build / NAME
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        lines = []
    except OSError as error:
        raise UsageError(f"{path} can't be read ({error.strerror})") from None
    if not lines:
        raise UsageError(f"{path} holds no run yet: run `make report` first")
    runs = []
    for number, line in enumerate(lines, 1):
        run = _parsed(line)
        if run is None:
            say(f"{path}, line {number}: no whole record of a run; it is left out")
        else:
            runs.append(run)
    if not runs:
        raise UsageError(f"{path} holds no line that can be read: move it away, and run `make report`")
    return runs


def _run(evidence: Evidence) -> Run:
    metrics, gate = evidence.metrics, evidence.gate
    return Run.model_validate(
        {
            "when": gate["provenance"]["created"],
            "verdict": gate["verdict"],
            "sentence": gate["sentence"],
            "synthetic": metrics["synthetic"],
            "data": evidence.data,
            "protocols": {
                name: {
                    **{key: judged[key] for key in ("rows", "frauds")},
                    **{key: judged["model"][key] for key in ("version", "digest", "metrics")},
                }
                for name, judged in metrics["protocols"].items()
            },
            "settings": metrics["provenance"]["settings"],
            "revision": metrics["provenance"]["revision"],
        }
    )


def _mended(file: FileIO, path: Path) -> Run | None:
    """The last run of the file, whose last line is ended, or removed where it was cut off before its end."""
    file.seek(0)
    content = file.readall()
    whole = content.rfind(b"\n") + 1
    rest = content[whole:]
    if rest and _parsed(rest) is not None:
        _append(file, b"\n")
    elif rest:
        say(f"{path}: the last line was cut off before its end, and is removed")
        file.truncate(whole)
        content = content[:whole]
    return next((run for line in reversed(content.splitlines()) if (run := _parsed(line)) is not None), None)


def _append(file: FileIO, content: bytes) -> None:
    """All of `content` on the disk, or nothing of it."""
    before = file.seek(0, 2)
    try:
        # A nearly full disk takes a part, and refuses the rest only when asked again.
        while content:
            content = content[file.write(content) :]
        os.fsync(file.fileno())
    except BaseException:
        file.truncate(before)
        raise


def _parsed(line: bytes) -> Run | None:
    try:
        return Run.model_validate_json(line)
    except ValidationError:
        return None
