"""wrk, the load generator: bodies in, rates and latencies out."""

import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fraud.errors import UsageError

_SCRIPT = Path(__file__).with_suffix(".lua")


@dataclass(frozen=True)
class Bodies:
    """A file of request bodies, and their media type."""

    path: Path
    media_type: str


@dataclass(frozen=True)
class Load:
    """What came of a load: answers, seconds, and how often each latency, in microseconds, was seen.

    wrk counts the latencies too of requests that a slow answer kept it from sending.
    """

    requests: int = 0
    seconds: float = 0.0
    latency: Counter[int] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds

    def percentile(self, percent: float) -> float:
        """The latency in seconds that so many percent of the requests kept to."""
        values = sorted(self.latency)
        kept = np.cumsum([self.latency[value] for value in values])
        return values[int(np.searchsorted(kept, percent / 100 * kept[-1]))] / 1e6

    def __add__(self, other: "Load") -> "Load":
        return Load(self.requests + other.requests, self.seconds + other.seconds, self.latency + other.latency)


def require() -> None:
    """Raises: UsageError, wrk is not on this machine."""
    if shutil.which("wrk") is None:
        raise UsageError("wrk is not on this machine: install the distribution's package `wrk` (apt-get install wrk)")


def write(path: Path, bodies: Iterable[bytes], media_type: str) -> Bodies:
    """Write bodies in the order in which they are to be sent."""
    with path.open("wb") as file:
        for body in bodies:
            file.write(b"%d\n%b" % (len(body), body))
    return Bodies(path, media_type)


def send(url: str, bodies: Bodies, connections: int, seconds: int) -> Load:
    """Send bodies without pause, one at a time over each connection.

    Raises:
        RuntimeError: a request was refused or not answered.
    """
    return finish(start(url, bodies, connections, seconds))


def start(url: str, bodies: Bodies, connections: int, seconds: int) -> "subprocess.Popen[str]":
    """Begin to send; `finish` waits for the end."""
    # One thread is enough, and leaves more of the cores to the servers.
    options = ["-t", "1", "-c", str(connections), "-d", str(seconds), "-s", str(_SCRIPT)]
    return subprocess.Popen(
        ["wrk", *options, url, "--", str(bodies.path), bodies.media_type],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process: "subprocess.Popen[str]") -> Load:
    """Wait for the end; returns and raises as `send`."""
    printed, _ = process.communicate()
    lines = printed.splitlines()
    if process.returncode != 0 or not lines or not lines[-1].startswith("{"):
        raise RuntimeError(f"wrk ended with {process.returncode}:\n{printed}")
    told = json.loads(lines[-1])
    if told["refused"] or told["failed"] or not told["requests"]:
        raise RuntimeError(
            f"of {told['requests']:,} requests {told['refused']:,} were refused and {told['failed']:,} not answered"
        )
    return Load(told["requests"], told["microseconds"] / 1e6, Counter(dict(told["latency"])))
