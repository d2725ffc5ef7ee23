"""Build the image of the API, but only of a bundle that the gates passed: by digest and verdict, never by age."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from checks import sbom
from fraud import artefacts, bundle, promote
from fraud.errors import UsageError
from fraud.settings import Settings

# podman's own format has no HEALTHCHECK.
ENGINES = {"docker": ("docker", "build"), "podman": ("podman", "build", "--format", "docker")}

_ROOT = Path(__file__).parent.parent


def run(settings: Settings, tag: str) -> int:
    """Build the image, name it `tag`, and by its model's version beside that, and write its bill of materials.

    Returns 1 where the gates forbid it, or where the engine fails.

    Raises:
        UsageError: no container engine works here, or it can't run or name what it built.
    """
    try:
        judged = [folders["model"] for folders in bundle.FOLDERS.values()]
        bundles = {folder: bundle.read(settings.build / folder) for folder in judged}
        digests = {name: read.manifest.digest for name, read in bundles.items()}
        verdict = promote.passed(settings.build / artefacts.GATE, digests)
    except UsageError as error:
        print(f"no image: {error}", file=sys.stderr)
        return 1
    shipped = bundles[bundle.FOLDERS["random"]["model"]]
    command = engine()
    with tempfile.TemporaryDirectory() as folder:
        context, told = Path(folder) / "context", Path(folder) / "image"
        assemble(context, shipped, verdict)
        built = subprocess.run([*command, f"--iidfile={told}", str(context)], check=False)
        if built.returncode != 0:
            failed = f"`{' '.join(command)}` failed with exit code {built.returncode}"
            print(f"no image: {failed}, see above", file=sys.stderr)
            return 1
        image = told.read_text(encoding="ascii").strip()
    names = (tag, f"{_repository(tag)}:{shipped.manifest.version}")
    listed = settings.build / "sbom.cdx.json"
    artefacts.write_text(listed, sbom.document(_inventory(command[0], image), shipped.manifest, names[1]))
    # Not before: an image has no name without its bill of materials.
    for name in names:
        _told([command[0], "tag", image, name])
    print(f"built {' and '.join(names)}; {listed} says what is in it")
    return 0


def engine() -> tuple[str, ...]:
    """The build command of the first engine that works: one that is installed may still have no daemon behind it.

    Raises:
        UsageError: none does.
    """
    for name, command in ENGINES.items():
        if shutil.which(name) and subprocess.run([name, "info"], capture_output=True, check=False).returncode == 0:
            return command
    raise UsageError(f"no container engine works here: install or start {', '.join(ENGINES)}")


def assemble(context: Path, shipped: bundle.Bundle, verdict: bytes) -> None:
    """Make the folder `context` of what the Dockerfile needs, and no more: an engine sees only that.

    The bundle and the verdict on it are written as they were read, whatever became of their folder since.
    """
    context.mkdir()
    for name in ("Dockerfile", "requirements-serve.txt"):
        shutil.copy(_ROOT / name, context)
    shutil.copytree(_ROOT / "fraud", context / "fraud", ignore=shutil.ignore_patterns("__pycache__"))
    bundle.write(context / "build" / "model", shipped.model, shipped.manifest, shipped.reasons)
    artefacts.write_bytes(context / "build" / "model" / artefacts.GATE, verdict)


def _inventory(engine: str, image: str) -> dict[str, Any]:
    """What the image itself tells of what it holds."""
    command = [engine, "run", "--rm", "--interactive", "--network=none", "--entrypoint=python", image, "-"]
    inventory: dict[str, Any] = json.loads(_told(command, (_ROOT / "checks" / "inventory.py").read_bytes()))
    return inventory


def _told(command: list[str], asked: bytes = b"") -> bytes:
    done = subprocess.run(command, input=asked, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise UsageError(f"`{' '.join(command)}` failed with exit code {done.returncode}, see above")
    return done.stdout


def _repository(tag: str) -> str:
    """An image's name without its tag; a colon before a slash is a registry's port."""
    head, colon, last = tag.rpartition(":")
    return head if colon and "/" not in last else tag
