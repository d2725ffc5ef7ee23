"""`recipe.toml`: the candidate that `make select` chose, written out whole, and the rows that it was chosen on."""

import tomllib
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import BaseModel, ConfigDict, ValidationError

from fraud import artefacts
from fraud.errors import UsageError
from fraud.learn.candidates import Candidate

PATH = Path(__file__).with_name("recipe.toml")

_HEAD = "# Made by `make select`, which says how in its help. `make train` fits what stands here.\n\n"


class ChosenOn(BaseModel):
    """The rows of a selection: `digest` is that of `split.content_digest`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str
    rows: int
    frauds: int
    prevalence: float | None = None


class Chosen(BaseModel):
    """All of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    chosen_on: ChosenOn
    candidate: Candidate

    def record(self, digest: str) -> dict[str, Any]:
        """What the artefacts of a run on rows of this digest keep of it.

        `optimistic` where the rows that judge the run took part in choosing its recipe, as far as that can be known:
        rows of another digest may still share some with these.
        """
        return {
            "name": self.candidate.name,
            "description": self.candidate.description,
            "chosen_on": self.chosen_on.model_dump(mode="json"),
            "optimistic": digest == self.chosen_on.digest,
        }


def read(path: Path | None = None) -> Chosen:
    """Read the recipe.

    Raises:
        UsageError: it is missing, is not TOML, or a table lacks a key or has one too many.
    """
    path = path or PATH
    try:
        return Chosen.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(
            f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}: run `make select` to make it anew"
        ) from None
    except (OSError, ValueError) as error:  # no such file, not UTF-8, not TOML
        raise UsageError(f"{path} can't be read ({error}): run `make select` to make it anew") from None


def write(chosen: Chosen, path: Path | None = None) -> None:
    """Write the recipe; what has its default value is left out."""
    content = chosen.model_dump(mode="json", exclude_defaults=True)
    artefacts.write_text(path or PATH, _HEAD + tomli_w.dumps(content))
