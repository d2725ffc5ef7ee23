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
from fraud.scorer import tried


def run(folder: Path, link: Path, ungated: bool = False) -> int:
    """Let `link` name a copy of the bundle in `folder`; returns 1 where the gates forbid it.

    Args:
        folder: the bundle; the verdict on it lies inside, or beside it as `make all` leaves it. Both are read once:
            what was judged is what ships.
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
    try:
        verdict = None if ungated else passed(artefacts.verdict_on(folder), {"model": read.manifest.digest})
    except UsageError as error:
        print(f"not promoted: {error}", file=sys.stderr)
        return 1
    tried(folder, read.manifest)
    release = link.parent / read.manifest.version
    # One that is whole stays as it is: the link may name it already.
    if not _whole(release, read.manifest.digest):
        bundle.write(release, read.model, read.manifest, read.reasons)
    if verdict is not None:
        artefacts.write_bytes(release / artefacts.GATE, verdict)
    with artefacts.replacing(link) as temporary:
        # By its name alone: where it is served, the folder of both may have another path.
        temporary.symlink_to(release.name)
    print(f"{link} is {release.name} now")
    return 0


def passed(gate: Path, digests: Mapping[str, str]) -> bytes:
    """The verdict that lets bundles ship, as it is written: by digest and verdict, never by age.

    Args:
        gate: where it lies.
        digests: of the bundles, by the names that it knows them by: "model" is the one that ships.

    Raises:
        UsageError: they may not ship, or it can't be read.
    """
    verdict, written = artefacts.read_json_and_bytes(gate, "make all")
    if verdict.get("verdict") != "pass":
        raise UsageError(f"the gates say no, see {gate} and the report")
    judged = verdict.get("bundles", {})
    for name, digest in digests.items():
        if judged.get(name) != digest:
            raise UsageError(f"the gates have not judged this {name}, whose digest is {digest[:12]}: run `make all`")
    return written


def _whole(release: Path, digest: str) -> bool:
    try:
        return bundle.read(release).manifest.digest == digest
    except UsageError:
        return False
