"""The image is built of a bundle that the gates passed, and of no other."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from checks import image
from fraud import bundle, settings
from fraud.errors import UsageError

IMAGE = "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"


@pytest.fixture
def build(bundle_folder: Path, tmp_path: Path) -> Path:
    """A build folder with two bundles and the passing gate of both."""
    read = bundle.read(bundle_folder)
    folder = tmp_path / "build"
    past = read.manifest.model_copy(update={"protocol": "chronological", "name": "past"})
    digests = {
        name: bundle.write(folder / name, read.model, manifest).digest
        for name, manifest in (("model", read.manifest), ("model-past", past))
    }
    assert digests["model"] != digests["model-past"]
    _gate(folder, {"verdict": "pass", "bundles": digests})
    return folder


@pytest.fixture
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH whose container engines are scripts: each notes its arguments, and works unless a test breaks it."""
    folder = tmp_path / "engines"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
    return folder


def _gate(build: Path, document: dict[str, object]) -> None:
    (build / "gate.json").write_text(json.dumps(document), encoding="utf-8")


def _engine(folder: Path, name: str, info: int = 0, build: int = 0, run: int = 0, tag: int = 0) -> None:
    """An engine whose `info`, `build`, `run` and `tag` end with these exit codes.

    `build` keeps the bundle and lists the context that it was given. What it runs, it runs on this machine.
    """
    script = folder / name
    script.write_text(
        f"""#!/bin/sh
echo "$0 $*" >> {folder}/calls
[ "$1" = info ] && exit {info}
[ "$1" = run ] && {{ {sys.executable} -; exit {run}; }}
[ "$1" = tag ] && exit {tag}
for context; do case "$context" in --iidfile=*) echo {IMAGE} > "${{context#--iidfile=}}";; esac; done
cp -r "$context/build/model" {folder}/bundle
(cd "$context" && find . -type f) >> {folder}/context
exit {build}
""",
        encoding="utf-8",
    )
    script.chmod(0o755)


def _run(build: Path, tag: str = "fraud-gate:latest") -> int:
    return image.run(settings.Settings(build=build), tag)


def _calls(folder: Path) -> list[str]:
    calls = folder / "calls"
    return calls.read_text(encoding="utf-8").splitlines() if calls.exists() else []


def _built(folder: Path) -> str:
    """The call that built."""
    (call,) = (call for call in _calls(folder) if " build " in call)
    return call


def _named(folder: Path) -> list[str]:
    """The names that the image was given."""
    tagged = [call.split() for call in _calls(folder) if " tag " in call]
    assert all(image == IMAGE for _, _, image, _ in tagged)
    return [name for *_, name in tagged]


def test_a_passing_bundle_is_built(build: Path, engines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _engine(engines, "docker")
    version = bundle.read(build / "model").manifest.version
    assert _run(build) == 0
    assert _named(engines) == ["fraud-gate:latest", f"fraud-gate:{version}"]
    assert f"built fraud-gate:latest and fraud-gate:{version}" in capsys.readouterr().out


def test_what_it_holds_is_told_by_the_image_itself(build: Path, engines: Path) -> None:
    _engine(engines, "docker")
    version = bundle.read(build / "model").manifest.version
    assert _run(build) == 0
    [run] = (call for call in _calls(engines) if " run " in call)
    assert f" {IMAGE} " in run
    listed = json.loads((build / "sbom.cdx.json").read_text(encoding="utf-8"))
    assert listed["metadata"]["component"]["version"] == version
    assert {"flask", "onnxruntime", version} <= {part["name"].lower() for part in listed["components"]} | {
        part["version"] for part in listed["components"]
    }


def test_an_image_without_its_bill_of_materials_has_no_name(build: Path, engines: Path) -> None:
    _engine(engines, "docker", run=7)
    with pytest.raises(UsageError, match=r"docker run .* failed with exit code 7"):
        _run(build)
    assert _named(engines) == []
    assert not (build / "sbom.cdx.json").exists()


def test_an_image_that_can_not_be_named_is_said(build: Path, engines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _engine(engines, "docker", tag=5)
    with pytest.raises(UsageError, match=rf"docker tag {IMAGE} fraud-gate:latest` failed with exit code 5"):
        _run(build)
    assert "built" not in capsys.readouterr().out


def test_the_image_holds_what_was_judged(
    build: Path, engines: Path, write_bundle: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever becomes of the bundle meanwhile."""
    _engine(engines, "docker")
    judged, verdict = bundle.read(build / "model"), (build / "gate.json").read_bytes()
    assemble = image.assemble

    def trained_meanwhile(*arguments: object) -> None:
        write_bundle(build / "model", 1)
        _gate(build, {"verdict": "fail"})
        assemble(*arguments)

    monkeypatch.setattr(image, "assemble", trained_meanwhile)
    assert _run(build) == 0
    assert bundle.read(engines / "bundle") == judged
    assert (engines / "bundle" / "gate.json").read_bytes() == verdict
    assert _named(engines)[1] == f"fraud-gate:{judged.manifest.version}"


def test_the_context_holds_what_serves_and_no_data(build: Path, engines: Path) -> None:
    _engine(engines, "docker")
    assert _run(build) == 0
    context = set((engines / "context").read_text(encoding="utf-8").split())
    assert {"./Dockerfile", "./requirements-serve.txt", "./fraud/scorer.py", "./fraud/api/app.py"} <= context
    assert {name for name in context if name.startswith("./build")} == {
        "./build/model/gate.json",
        "./build/model/manifest.json",
        "./build/model/model.onnx",
    }
    assert not any(name.startswith("./data") or "__pycache__" in name for name in context)


def _retrained(folder: Path) -> None:
    read = bundle.read(folder)
    thresholds = bundle.Thresholds(review=0.4, decline=0.9)
    bundle.write(folder, read.model, read.manifest.model_copy(update={"thresholds": thresholds}))


def _exchanged(build: Path) -> None:
    (build / "model").rename(build / "aside")
    (build / "model-past").rename(build / "model")
    (build / "aside").rename(build / "model-past")


def _one_byte_changed(folder: Path) -> None:
    path = folder / "model.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


REFUSED = {
    "no gate": (lambda build: (build / "gate.json").unlink(), "gate.json is missing: run `make all` first"),
    "a gate that is no JSON": (lambda build: (build / "gate.json").write_text("{"), "can't be read"),
    "a failing gate": (
        lambda build: _gate(build, json.loads((build / "gate.json").read_text()) | {"verdict": "fail"}),
        "the gates say no",
    ),
    "a gate without a verdict": (lambda build: _gate(build, {}), "the gates say no"),
    "a gate of nothing": (lambda build: _gate(build, {"verdict": "pass"}), "have not judged"),
    "a bundle trained anew": (lambda build: _retrained(build / "model"), "have not judged"),
    "a past bundle trained anew": (lambda build: _retrained(build / "model-past"), "model-past"),
    "the bundles exchanged": (_exchanged, "have not judged"),
    "no bundle": (lambda build: (build / "model" / "model.onnx").unlink(), "holds no model bundle"),
    "no past bundle": (lambda build: (build / "model-past" / "manifest.json").unlink(), "holds no model bundle"),
    "one byte changed": (lambda build: _one_byte_changed(build / "model"), "is not the model that its manifest names"),
}


@pytest.mark.parametrize(("breaking", "told"), REFUSED.values(), ids=REFUSED)
def test_no_image_without_a_passing_gate_of_these_bundles(
    build: Path, engines: Path, capsys: pytest.CaptureFixture[str], breaking, told: str
) -> None:
    _engine(engines, "docker")
    breaking(build)
    assert _run(build) == 1
    message = capsys.readouterr().err
    assert message.startswith("no image: ")
    assert told in message
    assert _calls(engines) == [], "the engine was asked all the same"


@pytest.mark.parametrize(
    ("works", "chosen"),
    [
        ({"docker": 0, "podman": 0}, "docker build --iidfile"),
        ({"docker": 1, "podman": 0}, "podman build --format docker --iidfile"),
        ({"podman": 0}, "podman build --format docker --iidfile"),
    ],
)
def test_the_engine_that_works_is_chosen(build: Path, engines: Path, works: dict[str, int], chosen: str) -> None:
    for name, info in works.items():
        _engine(engines, name, info)
    # Those that the machine itself has are no part of the case.
    for name in image.ENGINES.keys() - works.keys():
        _engine(engines, name, info=1)
    assert _run(build) == 0
    assert f"/{chosen}" in _built(engines)


def test_no_working_engine_is_said(build: Path, engines: Path) -> None:
    for name in image.ENGINES:
        _engine(engines, name, info=1)
    with pytest.raises(UsageError, match="install or start docker, podman"):
        _run(build)


def test_a_build_that_fails_is_no_image(build: Path, engines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _engine(engines, "docker", build=3)
    assert _run(build) == 1
    captured = capsys.readouterr()
    assert "exit code 3" in captured.err
    assert "built" not in captured.out


@pytest.mark.parametrize(
    ("tag", "repository"),
    [
        ("fraud-gate:latest", "fraud-gate"),
        ("fraud-gate", "fraud-gate"),
        ("registry:5000/team/fraud", "registry:5000/team/fraud"),
        ("registry:5000/team/fraud:1.2", "registry:5000/team/fraud"),
    ],
)
def test_the_version_stands_beside_the_tag(build: Path, engines: Path, tag: str, repository: str) -> None:
    _engine(engines, "docker")
    version = bundle.read(build / "model").manifest.version
    assert _run(build, tag) == 0
    assert _named(engines) == [tag, f"{repository}:{version}"]
