import os
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import csv

from fraud import artefacts, schema
from fraud.dataset import fetch, mirrors, source
from fraud.dataset.load import load
from fraud.dataset.mirrors import Mirror
from fraud.dataset.published import PUBLISHED
from fraud.errors import UsageError
from fraud.settings import Settings

DEFAULT = Path("data/creditcard.csv")


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """An empty working directory, no settings from outside, and mirrors out of reach."""
    for name in [name for name in os.environ if name.startswith("FRAUD_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mirrors, "known", lambda: [Mirror("gone", "http://127.0.0.1:1/data.csv", mirrors.plain)])
    return tmp_path


@pytest.fixture
def small():
    return partial(Settings, twin_rows=1_200, twin_frauds=30)


def own(path, rows=300, frauds=20):
    rng = np.random.default_rng(5)
    values = {name: rng.normal(size=rows) for name in schema.FEATURES}
    frame = pd.DataFrame({**values, "Class": (np.arange(rows) < frauds).astype("int8")})
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False)
    return frame


@pytest.mark.parametrize("name", ["mine.csv", "mine.csv.gz", "mine.parquet"])
@pytest.mark.parametrize("data_source", ["auto", "real", "twin"])
def test_a_named_file_is_used_whatever_the_source(small, name, data_source):
    own(Path(name))
    record = source.run(small(data=name, data_source=data_source))
    assert record == artefacts.read_json(Path("build/data.json"), "make data")
    assert (record["path"], record["source"], record["rows"], record["frauds"]) == (name, "own", 300, 20)
    assert record["digest"] == artefacts.sha256(Path(name))
    assert record["bytes"] == Path(name).stat().st_size
    assert not Path("build/twin.parquet").exists()


@pytest.mark.parametrize("data_source", ["auto", "real", "twin"])
def test_a_named_file_that_is_missing_is_never_replaced_by_the_twin(small, data_source):
    with pytest.raises(UsageError, match=r"DATA=elsewhere/mine\.csv is missing"):
        source.run(small(data="elsewhere/mine.csv", data_source=data_source))
    assert not Path("build").exists()


@pytest.mark.parametrize("data_source", ["auto", "real"])
def test_the_file_of_the_default_name_is_used_without_asking_a_mirror(small, data_source):
    own(DEFAULT)
    assert source.run(small(data_source=data_source))["path"] == "data/creditcard.csv"


def test_offline_auto_goes_on_with_the_twin_and_says_so(small, capsys):
    start = time.monotonic()
    record = source.run(small())
    assert time.monotonic() - start < 10
    assert (record["path"], record["source"]) == ("build/twin.parquet", "twin")
    assert (record["rows"], record["frauds"]) == (1_200, 30)
    said = capsys.readouterr().err
    assert "no mirror gave creditcard.csv (gone: no connection): going on with the synthetic twin" in said
    assert "SYNTHETIC" in said
    assert not DEFAULT.exists()


def test_real_without_a_mirror_is_an_error(small):
    with pytest.raises(UsageError, match=r"gone: no connection.*put the file at data/creditcard\.csv"):
        source.run(small(data_source="real"))
    assert not Path("build").exists()


def test_twin_takes_the_twin_though_the_file_is_there(small, capsys):
    own(DEFAULT)
    assert source.run(small(data_source="twin"))["source"] == "twin"
    assert "getting" not in capsys.readouterr().err


def test_the_twin_is_recorded_with_what_it_was_drawn_from(small):
    record = source.run(small(data_source="twin", seed=7))
    assert record["twin"]["statistics"] == artefacts.sha256(source.STATISTICS)
    assert (record["twin"]["seed"], record["twin"]["rows"], record["twin"]["frauds"]) == (7, 1_200, 30)
    frame = load(Path(record["path"]))
    assert tuple(frame.columns) == schema.COLUMNS
    assert (len(frame), frame["Class"].sum()) == (1_200, 30)


def test_the_twin_is_drawn_again_only_when_something_it_stands_on_changes(small, monkeypatch):
    path = Path("build/twin.parquet")
    first = source.run(small(data_source="twin"))
    drawn = path.stat().st_ino
    assert source.run(small(data_source="twin"))["digest"] == first["digest"]
    assert path.stat().st_ino == drawn
    digests = {
        source.run(small(data_source="twin", **change))["digest"] for change in ({"seed": 1}, {"twin_frauds": 31})
    }
    assert len(digests | {first["digest"]}) == 3
    assert source.run(small(data_source="twin"))["digest"] == first["digest"]


def test_a_damaged_twin_is_drawn_again(small):
    first = source.run(small(data_source="twin"))
    Path("build/twin.parquet").write_bytes(b"PAR1 and no more")
    assert source.run(small(data_source="twin"))["digest"] == first["digest"]


def test_a_twin_under_another_name_is_still_a_twin(small, capsys):
    first = source.run(small(data_source="twin"))
    Path("build/twin.parquet").rename("customers.parquet")
    record = source.run(small(data="customers.parquet"))
    assert (record["source"], record["twin"]) == ("twin", first["twin"])
    with pytest.raises(UsageError, match="is the synthetic twin, and DATA_SOURCE=real"):
        source.run(small(data="customers.parquet", data_source="real"))


def test_missing_statistics_are_named(small, monkeypatch, tmp_path):
    monkeypatch.setattr(source, "STATISTICS", tmp_path / "twin.json")
    with pytest.raises(UsageError, match=r"twin\.json is missing.*twin fit DATA"):
        source.run(small(data_source="twin"))


def test_what_is_wrong_with_the_rows_is_left_to_the_checks(small):
    Path("mine.csv").write_text("Amount,Class\n1.5,1\nfree,0\n")
    record = source.run(small(data="mine.csv"))
    assert (record["rows"], record["frauds"], record["source"]) == (2, 1, "own")


def test_a_file_that_can_t_be_read_leaves_no_record(small):
    Path("mine.csv").write_text("a;b\n1;2\n")
    with pytest.raises(UsageError, match=r"mine\.csv"):
        source.run(small(data="mine.csv"))
    assert not Path("build/data.json").exists()


def test_what_was_recorded_is_opened(small, capsys):
    frame = own(Path("mine.csv"))
    settings = small(data="mine.csv")
    record = source.run(settings)
    capsys.readouterr()
    opened, told = source.opened(settings)
    pd.testing.assert_frame_equal(opened, frame)
    assert told == record
    assert capsys.readouterr().err == ""


def test_opening_the_twin_says_what_it_is(small, capsys):
    source.run(small(data_source="twin"))
    capsys.readouterr()
    opened, record = source.opened(small(data_source="twin"))
    assert len(opened) == record["rows"]
    assert "SYNTHETIC" in capsys.readouterr().err


@pytest.mark.parametrize("mend", ["changed", "removed"])
def test_a_file_that_changed_since_is_refused(small, mend):
    own(Path("mine.csv"))
    settings = small(data="mine.csv")
    source.run(settings)
    if mend == "changed":
        own(Path("mine.csv"), frauds=21)
    else:
        Path("mine.csv").unlink()
    with pytest.raises(UsageError, match=r"mine\.csv has changed since `make data`: run it again"):
        source.opened(settings)


def test_nothing_is_opened_without_a_record_or_by_that_of_another_file(small):
    own(Path("mine.csv"))
    own(Path("yours.csv"))
    with pytest.raises(UsageError, match="run `make data` first"):
        source.opened(small(data="mine.csv"))
    source.run(small(data="mine.csv"))
    with pytest.raises(UsageError, match=r"is about mine\.csv, not about yours\.csv"):
        source.opened(small(data="yours.csv"))


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A mirror at work on this machine, with a made-up file of which all that is published is true."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    csv.write_csv(pa.Table.from_pandas(as_published(), preserve_index=False), folder / "data.csv")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        address = f"http://127.0.0.1:{server.server_address[1]}/data.csv"
        monkeypatch.setattr(mirrors, "known", lambda: [Mirror("here", address, mirrors.plain)])
        yield folder / "data.csv"
        server.shutdown()
        thread.join()


def as_published():
    facts = PUBLISHED
    # Cosines of different frequencies are centred, uncorrelated, and of variance 1/2.
    phase = np.outer(np.pi * (np.arange(facts.rows) + 0.5) / facts.rows, np.arange(1, len(schema.COMPONENTS) + 1))
    components = np.cos(phase) * np.sqrt(2) * np.array(facts.component_std)
    label = (np.arange(facts.rows) < facts.frauds).astype("int8")
    amount = np.full(facts.rows, facts.amount_median)
    amount[: facts.frauds] = facts.fraud_amount_mean
    amount[facts.frauds] = facts.amount_high
    # Two values on as many rows each give the mean and the deviation that are still missing.
    free = slice(facts.frauds + 1, facts.frauds + 1 + 120_000)
    fixed = np.delete(amount, free)
    middle = (facts.amount_mean * facts.rows - fixed.sum()) / 120_000
    squares = facts.amount_std**2 * (facts.rows - 1) + facts.rows * facts.amount_mean**2
    half = np.sqrt((squares - (fixed**2).sum()) / 120_000 - middle**2)
    amount[free] = np.where(np.arange(120_000) % 2, middle + half, middle - half)
    frame = pd.DataFrame(components.round(5), columns=[column.name for column in schema.COMPONENTS])
    frame = frame.assign(
        Time=np.linspace(facts.time_low, facts.time_high, facts.rows).round(), Amount=amount, Class=label
    )
    return frame[list(schema.COLUMNS)]


def test_the_genuine_file_is_fetched_and_recognised(mirror, small):
    record = source.run(small(data_source="real"))
    assert (record["path"], record["source"], record["rows"]) == (DEFAULT.as_posix(), "published", 284_807)
    assert record["digest"] == artefacts.sha256(DEFAULT) == artefacts.sha256(mirror)


def test_a_mirror_that_does_not_answer_delays_a_run_by_seconds(small, monkeypatch):
    assert fetch.ANSWER_WITHIN <= 5
    # An address that is reserved for documentation: no host ever answers there, whether or not there is a network.
    nowhere = [Mirror("nowhere", "http://192.0.2.1/data.csv", mirrors.plain)]
    monkeypatch.setattr(mirrors, "known", lambda: nowhere)
    start = time.monotonic()
    assert source.run(small())["source"] == "twin"
    assert time.monotonic() - start < 9
