"""Where the genuine data can be had: the addresses, and how each one's file becomes the CSV."""

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import compute, csv, parquet

from fraud import schema

Credentials = tuple[str, str]


@dataclass(frozen=True)
class Mirror:
    """`unpack(downloaded, target)` writes the CSV; `credentials` is a user and a key for HTTP's basic access."""

    name: str
    url: str
    unpack: Callable[[Path, Path], None]
    credentials: Credentials | None = None


def known() -> list[Mirror]:
    """The mirrors, in the order in which they are tried; Kaggle is among them where its credentials are set."""
    mirrors = [
        # The copy of https://www.tensorflow.org/tutorials/structured_data/imbalanced_data
        Mirror("tensorflow", "https://storage.googleapis.com/download.tensorflow.org/data/creditcard.csv", plain),
        # https://www.openml.org/d/1597: clients of OpenML's drop `Time`, as a row's identifier; the file itself has it.
        Mirror("openml", "https://data.openml.org/datasets/0000/1597/dataset_1597.pq", from_parquet),
    ]
    credentials = kaggle_credentials()
    if credentials is not None:
        # https://www.kaggle.com/datasets/mlg-ulb/creditcardfraud
        address = "https://www.kaggle.com/api/v1/datasets/download/mlg-ulb/creditcardfraud"
        mirrors.append(Mirror("kaggle", address, from_zip, credentials))
    return mirrors


def kaggle_credentials() -> Credentials | None:
    """User and key from where Kaggle's own client reads them; `None` where neither place has both."""
    # Not part of the settings: those are recorded beside every result, and this is a secret under Kaggle's own name.
    user, key = os.environ.get("KAGGLE_USERNAME"), os.environ.get("KAGGLE_KEY")
    if user and key:
        return user, key
    folder = Path(os.environ.get("KAGGLE_CONFIG_DIR") or Path.home() / ".kaggle")
    try:
        document = json.loads((folder / "kaggle.json").read_text(encoding="utf-8"))
        return document["username"], document["key"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def plain(downloaded: Path, target: Path) -> None:
    """The download is the CSV."""
    downloaded.replace(target)


def from_zip(downloaded: Path, target: Path) -> None:
    """The CSV is `creditcard.csv` in a zip archive.

    Raises:
        zipfile.BadZipFile, KeyError: the download is no such archive.
    """
    with zipfile.ZipFile(downloaded) as archive, archive.open("creditcard.csv") as source, target.open("wb") as file:
        shutil.copyfileobj(source, file)


def from_parquet(downloaded: Path, target: Path) -> None:
    """The columns are in a parquet file, `Class` as a number or as text such as "0" or "'0'".

    Raises:
        pyarrow.ArrowInvalid, KeyError: the download is no such file.
    """
    table = parquet.read_table(downloaded, columns=list(schema.COLUMNS))
    label = table.column(schema.LABEL.name)
    if pa.types.is_dictionary(label.type):
        label = label.cast(label.type.value_type)
    text = compute.utf8_trim(label.cast(pa.string()), characters="'")
    at = table.schema.get_field_index(schema.LABEL.name)
    table = table.set_column(at, schema.LABEL.name, text.cast(pa.float64()).cast(pa.int8()))
    csv.write_csv(table.select(schema.COLUMNS), target, csv.WriteOptions(quoting_header="none"))
