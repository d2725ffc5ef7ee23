"""`python -m fraud promote`: a bundle that the gates passed is copied beside a link, which then names the copy.

Workers follow the link. It is replaced in one step, so that there is no moment without a bundle. What was promoted
stays beside it with the verdict that it passed by, and is promoted again in the same way.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from fraud import artefacts, bundle
from fraud.errors import UsageError
from fraud.scorer import Scorer

GATE = "gate.json"


def run(folder: Path, link: Path, ungated: bool = False) -> int:
    """Let `link` name a copy of the bundle in `folder`; returns 1 where the gates forbid it.

    Args:
        folder: the bundle; the verdict on it lies inside, or beside it as `make all` leaves it.
        link: a symbolic link, or nothing yet.
        ungated: whatever the gates say.

    Raises:
        UsageError: the bundle was changed, can't be run or does not answer, or what is at `link` is no link.
    """
    if link.exists() and not link.is_symlink():
        raise UsageError(
            f"{link} is no link, and nothing else is replaced in one step: name another place, and serve it"
        )
    folder = Path(os.path.realpath(folder))
    read = bundle.read(folder)
    gate = folder / GATE if (folder / GATE).exists() else folder.parent / GATE
    forbidden = None if ungated else refusal(gate, {"model": folder})
    if forbidden is not None:
        print(f"not promoted: {forbidden}", file=sys.stderr)
        return 1
    Scorer(folder).self_test()
    release = link.parent / read.manifest.version
    if not _holds(release, read.manifest.digest):
        bundle.write(release, read.model, read.manifest, read.reasons)
    if not ungated:
        artefacts.write_text(release / GATE, gate.read_text(encoding="utf-8"))
    with artefacts.replacing(link) as temporary:
        # By its name alone: where it is served, the folder of both may have another path.
        temporary.symlink_to(release.name)
    print(f"{link} is {release.name} now")
    return 0


def refusal(gate: Path, folders: Mapping[str, Path]) -> str | None:
    """Why bundles may not ship, in a sentence; `None` where they may: by digest and verdict, never by age.

    Args:
        gate: the verdict, `gate.json`.
        folders: the bundles, by the names that it knows them by: "model" is the one that ships.
    """
    try:
        document = artefacts.read_json(gate, "make all")
        if document.get("verdict") != "pass":
            return f"the gates say no, see {gate} and the report"
        judged = document.get("bundles", {})
        for name, folder in folders.items():
            digest = bundle.read(folder).manifest.digest
            if judged.get(name) != digest:
                return f"the gates have not judged {folder}, whose digest is {digest[:12]}: run `make all`"
    except UsageError as error:
        return str(error)
    return None


def _holds(release: Path, digest: str) -> bool:
    try:
        return bundle.read(release).manifest.digest == digest
    except UsageError:
        return False
