"""What an image holds, told by the image itself: it runs there, with the standard library alone, and prints JSON."""

import json
import platform
import subprocess
import sys
from importlib.metadata import Distribution, distributions
from shutil import which


def taken() -> dict[str, object]:
    """The operating system, its packages, the Python, and its packages."""
    return {
        "system": platform.freedesktop_os_release(),
        "python": platform.python_version(),
        "debian": _debian(),
        "distributions": sorted({_distribution(found) for found in distributions()}, key=lambda told: told[0].lower()),
    }


def _debian() -> list[list[str]]:
    """Name, version and architecture of each installed package; none on a system without dpkg."""
    dpkg = which("dpkg-query")
    if dpkg is None:
        return []
    asked = [dpkg, "--show", "--showformat", r"${db:Status-Status} ${Package} ${Version} ${Architecture}\n"]
    told = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    return [line.split()[1:] for line in told.splitlines() if line.startswith("installed ")]


def _distribution(found: Distribution) -> tuple[str, str, str | None]:
    """Name, version and licence, where it is said in the standard way."""
    licence = found.metadata.get_all("License-Expression")
    return found.name, found.version, licence[0] if licence else None


if __name__ == "__main__":
    json.dump(taken(), sys.stdout)
