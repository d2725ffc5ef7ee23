"""The model that answers, which may be exchanged for another one between two requests."""

from pathlib import Path

from fraud.api import verdict
from fraud.api.predict import Predict
from fraud.api.reply import Environ, Reply
from fraud.scorer import Scorer

_TAKEN = "fraud.model"


class Model:
    """A scorer, with the handler that answers by it: exchanged as one, so that no answer mixes two.

    Args:
        folder: the bundle of `scorer`, with which the gates' verdict lies; without it that is not known.
    """

    def __init__(self, scorer: Scorer, folder: Path | None = None) -> None:
        self.scorer = scorer
        self.predict = Predict(scorer)
        self.verdict = None if folder is None else verdict.read(folder, scorer.manifest.digest)

    @property
    def version(self) -> str:
        return self.scorer.manifest.version


class Live:
    """Gives each request its model: the `current` one, which whoever has another one sets.

    `refused` says why the bundle that is there now is not the one that answers; None where it is.
    """

    def __init__(self, scorer: Scorer, folder: Path | None = None) -> None:
        self.current = Model(scorer, folder)
        self.refused: str | None = None

    def model(self, environ: Environ) -> Model:
        """The model of this request: always the same for one request, its line in the log included."""
        taken: Model | None = environ.get(_TAKEN)
        if taken is None:
            taken = environ[_TAKEN] = self.current
        return taken

    def predict(self, environ: Environ) -> Reply:
        """The handler of `/predict`."""
        return self.model(environ).predict(environ)
