"""The way to a decision without Flask's own machinery, which takes longer than the decision."""

from collections.abc import Iterable

from flask import Flask

from fraud.api import predict, problems
from fraud.api.reply import Environ, StartResponse


class Lane:
    """A WSGI application in front of `app`: `POST /predict` goes to the handler of its route, all else to itself."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._predict = predict.handler(app)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/predict" or environ["REQUEST_METHOD"] != "POST":
            return self._app(environ, start_response)
        try:
            reply = self._predict(environ)
        except Exception as error:
            reply = problems.bug(environ, error)
        return reply.send(environ, start_response)
