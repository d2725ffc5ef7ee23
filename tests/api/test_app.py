"""What holds for the application as a whole: bugs, the operator's questions, what it may import."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask, jsonify
from werkzeug.test import Client

from fraud import bundle, schema
from fraud.api.app import create_app
from fraud.scorer import Scorer

BANNED = (
    *("pandas", "sklearn", "scipy", "matplotlib", "seaborn", "great_expectations", "pandera", "imblearn"),
    *("rich", "onnx", "skl2onnx", "pyarrow", "limits", "redis"),
)


def test_a_bug_is_answered_with_an_id_and_nothing_else(bundle_folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    app: Flask = create_app(Scorer(bundle_folder))

    @app.get("/bug")
    def bug() -> str:
        raise RuntimeError("the card number is 4711")

    response = app.test_client().get("/bug")
    document = json.loads(response.data)
    assert response.status_code == 500
    assert set(document) == {"type", "title", "status", "id"}
    assert "4711" not in response.text
    assert document["id"] in caplog.text
    assert "the card number is 4711" in caplog.text


def test_an_answer_that_is_not_a_number_is_a_bug(bundle_folder: Path) -> None:
    app: Flask = create_app(Scorer(bundle_folder))
    app.add_url_rule("/nan", view_func=lambda: jsonify(probability=float("nan")))
    assert app.test_client().get("/nan").status_code == 500


def test_health_names_the_model_that_answers(client: Client, bundle_folder: Path) -> None:
    version = bundle.read(bundle_folder).manifest.version
    assert client.get("/health").get_json() == {"status": "ok", "model": version}
    head = client.head("/health")
    assert (head.status_code, head.data) == (200, b"")


def test_why_a_model_is_not_ready_stands_in_the_log(
    bundle_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scorer = Scorer(bundle_folder)
    client = create_app(scorer).test_client()
    assert client.get("/ready").status_code == 200

    def broken(_: object) -> None:
        raise RuntimeError("the runtime is gone")

    monkeypatch.setattr(scorer, "score", broken)
    response = client.get("/ready", headers={"X-Request-ID": "probe-1"})
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert "runtime" not in response.text
    assert "not ready probe-1" in caplog.text
    assert "the runtime is gone" in caplog.text


def test_the_model_says_what_it_is(client: Client, bundle_folder: Path) -> None:
    manifest = bundle.read(bundle_folder).manifest
    about = client.get("/model").get_json()
    assert (about["version"], about["digest"]) == (manifest.version, manifest.digest)
    assert about["thresholds"] == {"review": 0.5, "decline": 0.9}
    assert tuple(about["features"]) == schema.FEATURES
    assert about["features"]["Amount"]["unit"] == "euros"
    assert about["features"]["V1"]["training"] == manifest.features["V1"].model_dump()
    assert about["gates"] is None


@pytest.mark.parametrize("exact", [False, True])
def test_the_model_says_how_its_answers_are_explained(bundle_folder: Path, tmp_path: Path, exact: bool) -> None:
    read = bundle.read(bundle_folder)
    told = {"methods": {"trees": "Shapley values"}, "base": -3.5 if exact else None}
    manifest = read.manifest.model_copy(update={"reasons": bundle.Reasons(**told)})
    bundle.write(tmp_path / "model", read.model, manifest, read.model if exact else None)
    about = create_app(Scorer(tmp_path / "model")).test_client().get("/model").get_json()
    assert about["reasons"] == told | {"exact": exact}


@pytest.mark.parametrize(("source", "notice"), [("twin", True), ("real", False)])
def test_a_model_of_the_twin_says_so(bundle_folder: Path, tmp_path: Path, source: str, notice: bool) -> None:
    genuine = bundle.read(bundle_folder)
    training = genuine.manifest.training | {"data": {"source": source, "digest": "0" * 64}}
    bundle.write(tmp_path / "model", genuine.model, genuine.manifest.model_copy(update={"training": training}))
    about = create_app(Scorer(tmp_path / "model")).test_client().get("/model").get_json()
    assert about["data"]["source"] == source
    assert ("synthetic" in about.get("notice", "")) == notice


SERVED_WITHOUT = """
import sys
from pathlib import Path

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {banned}:
            raise ModuleNotFoundError(f"{{name}} is not in the image")

sys.meta_path.insert(0, Blocked())
import fraud.__main__, fraud.api.app, fraud.api.server, fraud.client, fraud.promote, fraud.scorer, fraud.settings
import fraud.api.arrow_encode, fraud.api.openapi

client = fraud.api.app.create_app(fraud.scorer.Scorer(Path({folder!r}))).test_client()
transaction = dict.fromkeys(fraud.schema.FEATURES, 1.0) | {{"V14": -9.0}}
answer = client.post("/predict", json=transaction).get_json()
assert answer["decision"] == "decline" and answer["reasons"], answer
assert client.post("/predict", json={{}}).status_code == 422
assert client.get("/model").status_code == 200
loaded = {banned} & {{name.partition(".")[0] for name in sys.modules}}
assert not loaded, loaded
"""


def test_a_request_is_served_without_anything_that_trains(bundle_folder: Path) -> None:
    code = SERVED_WITHOUT.format(banned=set(BANNED), folder=str(bundle_folder))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_nothing_is_loaded_before_it_is_asked_for_that_the_first_answer_does_not_need(bundle_folder: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from fraud.api.app import create_server_app
from fraud.scorer import Scorer
create_server_app(Scorer(Path({str(bundle_folder)!r})))
print([name for name in ("fraud.api.openapi", "nanoarrow") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
