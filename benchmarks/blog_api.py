"""The blog post's API, which three ratios of `benchmarks.serving` are measured against: a pickle behind Flask.

Kept as it stands there, as a yardstick of time: it checks nothing, counts nothing and logs nothing.
"""

import pickle

import pandas as pd
from flask import Flask, Response, jsonify, request
from sklearn.ensemble import RandomForestClassifier


def train(frame: pd.DataFrame, path: str) -> None:
    """Fit its forest on 31 columns, and pickle it."""
    forest = RandomForestClassifier(n_estimators=100, random_state=42)
    forest.fit(frame.drop(columns="Class"), frame["Class"])
    with open(path, "wb") as file:  # noqa: PTH123, as it stands there
        pickle.dump(forest, file)


def create_app(path: str) -> Flask:
    """The application, which gunicorn makes in each of its workers."""
    app = Flask(__name__)
    with open(path, "rb") as file:  # noqa: PTH123, as it stands there
        model = pickle.load(file)

    @app.route("/predict", methods=["POST"])
    def predict() -> Response:
        data = request.get_json()
        df = pd.DataFrame([data])
        prediction = model.predict(df)
        return jsonify({"prediction": int(prediction[0])})

    return app
