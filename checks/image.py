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
        UsageError: no container engine works here, or it can't run what it built.
    """
    bundles = {name: settings.build / name for name in ("model", "model-past")}
    refused = promote.refusal(settings.build / promote.GATE, bundles)
    if refused is not None:
        print(f"no image: {refused}", file=sys.stderr)
        return 1
    command = engine()
    with tempfile.TemporaryDirectory() as folder:
        manifest = assemble(Path(folder), settings.build)
        names = (tag, f"{_repository(tag)}:{manifest.version}")
        built = subprocess.run([*command, *(f"--tag={name}" for name in names), folder], check=False)
    if built.returncode != 0:
        print(f"no image: `{' '.join(command)}` failed with exit code {built.returncode}, see above", file=sys.stderr)
        return 1
    listed = settings.build / "sbom.cdx.json"
    artefacts.write_text(listed, sbom.document(_inventory(command[0], names[1]), manifest, names[1]))
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


def assemble(context: Path, build: Path) -> bundle.Manifest:
    """Copy what the Dockerfile needs into the empty folder `context`, and no more; returns the manifest of the model.

    The bundle may lie anywhere, and an engine sees only its context.
    """
    for name in ("Dockerfile", "requirements-serve.txt"):
        shutil.copy(_ROOT / name, context)
    shutil.copytree(_ROOT / "fraud", context / "fraud", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(build / "model", context / "build" / "model")
    return bundle.read(context / "build" / "model").manifest


def _inventory(engine: str, image: str) -> dict[str, Any]:
    """What the image itself tells of what it holds."""
    command = [engine, "run", "--rm", "--interactive", "--network=none", "--entrypoint=python", image, "-"]
    told = subprocess.run(
        command, input=(_ROOT / "checks" / "inventory.py").read_bytes(), stdout=subprocess.PIPE, check=False
    )
    if told.returncode != 0:
        raise UsageError(f"`{' '.join(command)}` failed with exit code {told.returncode}, see above")
    inventory: dict[str, Any] = json.loads(told.stdout)
    return inventory


def _repository(tag: str) -> str:
    """An image's name without its tag; a colon before a slash is a registry's port."""
    head, colon, last = tag.rpartition(":")
    return head if colon and "/" not in last else tag
