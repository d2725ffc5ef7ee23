"""The model that answers, which may be exchanged for another one between two requests."""

from fraud.api.predict import Predict
from fraud.api.reply import Environ, Reply
from fraud.api.verdict import Verdict
from fraud.scorer import Scorer

_TAKEN = "fraud.model"


class Model:
    """A scorer, its handler and the gates' verdict on it: exchanged as one, so that no answer mixes two."""

    def __init__(self, scorer: Scorer, verdict: Verdict | None = None) -> None:
        self.scorer = scorer
        self.predict = Predict(scorer)
        self.verdict = verdict

    @property
    def version(self) -> str:
        return self.scorer.manifest.version


class Live:
    """Gives each request its model: the `current` one, which whoever has another one sets.

    `refused` says why the bundle that is there now is not the one that answers; None where it is.
    """

    def __init__(self, scorer: Scorer, verdict: Verdict | None = None) -> None:
        self.current = Model(scorer, verdict)
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
