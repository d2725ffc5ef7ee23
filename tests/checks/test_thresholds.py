import numpy as np
import pytest

from checks import thresholds
from fraud.errors import UsageError
from fraud.metrics.classification import judge
from fraud.metrics.intervals import values

DATA = "[data]\nmin_fraud_share = 0.001\nmax_fraud_share = 0.1\nmin_frauds = 20\nmax_component_median = 1\n"
PARITY = "[parity]\nmax_probability_difference = 1e-5\nnear_threshold = 1e-6\n"
LIMIT = 'protocol = "random"\nmetric = "recall"\nbind = "value"\nmin = 0.7\nreason = "because"\n'
CHAMPION = "[[champion]]\n" + LIMIT
GATE = "[[model]]\n" + LIMIT


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "thresholds.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return thresholds.read(path)

    return read


def test_a_sound_file_is_read(read):
    limits = read(DATA + PARITY + CHAMPION + GATE + GATE.replace("recall", "precision"))
    assert limits.data.min_frauds == 20
    assert [limit.metric for limit in limits.model] == ["recall", "precision"]
    assert (limits.model[0].min, limits.model[0].max) == (0.7, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"\xff\xfe", "can't be read"),
        ("[data", "can't be read"),
        ("", "data: Field required"),
        (DATA + PARITY + CHAMPION, "model: Field required"),
        (DATA + PARITY + GATE, "champion: Field required"),
        (DATA + CHAMPION + GATE, "parity: Field required"),
        (DATA + PARITY + CHAMPION + GATE + "\n[other]\n", "other: Extra inputs"),
        (DATA + PARITY + CHAMPION + GATE + "maximum = 1\n", "model.0.maximum: Extra inputs"),
        (DATA + PARITY + CHAMPION + GATE.replace("min = 0.7\n", ""), "a gate needs `min`, `max` or both"),
        (DATA + PARITY + CHAMPION + GATE.replace("0.7", '"high"'), "model.0.min: "),
        (DATA + PARITY + CHAMPION + GATE.replace("0.7", "nan"), "model.0.min: "),
        (DATA + PARITY + CHAMPION + GATE.replace("0.7", "-inf"), "model.0.min: "),
        (DATA + PARITY + CHAMPION + GATE.replace("because", ""), "model.0.reason: "),
        (DATA + PARITY + CHAMPION + GATE.replace("random", "all rows"), "model.0.protocol: "),
        (DATA + PARITY + CHAMPION + GATE.replace('"value"', '"middle"'), "model.0.bind: "),
        (DATA.replace("20", "0") + PARITY + CHAMPION + GATE, "data.min_frauds: "),
        (DATA + PARITY.replace("1e-5", "-1") + CHAMPION + GATE, "parity.max_probability_difference: "),
    ],
)
def test_a_malformed_file_is_refused_by_its_key(read, tmp_path, text, message):
    with pytest.raises(UsageError) as refused:
        read(text)
    assert message in str(refused.value)
    assert str(tmp_path / "thresholds.toml") in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"absent\.toml can't be read"):
        thresholds.read(tmp_path / "absent.toml")


def test_the_gates_that_ship_bind_metrics_that_there_are():
    label = np.array([0, 1], dtype=np.int8)
    known = values(judge(label, label.astype(float), label), 1.0)
    limits = thresholds.read()
    assert {limit.metric for limit in limits.model + limits.champion} <= set(known)
    assert {limit.protocol for limit in limits.champion} == {"random", "chronological"}
    for protocol in ("random", "chronological"):
        gated = {limit.metric for limit in limits.model if limit.protocol == protocol}
        assert {"recall", "precision", "roc_auc", "average_precision"} <= gated
    assert any(limit.bind == "low" for limit in limits.model)


def test_every_gate_that_ships_can_be_passed_and_can_fail():
    """A limit outside the range of its metric would be no gate."""
    for limit in thresholds.read().model:
        assert limit.min is None or 0 < limit.min < 1
        assert limit.max is None or limit.max > (limit.min or 0)
    for limit in thresholds.read().champion:
        # A model is always as good as itself, and a loss of everything never passes.
        assert limit.min is None or -1 < limit.min <= 0
        assert limit.max is None or 0 <= limit.max < 1


def test_each_key_is_found_on_its_line():
    text = PARITY + "# [[model]]\n# min = 0.1\n" + GATE + 'note = """\nmin = 0.2\n"""\n' + GATE + "max.of.two = [\n1]"
    rows = text.split("\n")
    found = {key: rows[line - 1] for key, line in thresholds.lines(text).items()}
    assert found["parity.near_threshold"] == "near_threshold = 1e-6"
    assert found["model.0.min"] == found["model.1.min"] == "min = 0.7"
    assert (found["model.0.note"], found["model.1.max.of.two.0"]) == ('"""', "1]")
    lines = thresholds.lines(text)
    assert lines["parity.max_probability_difference"] == 2
    assert (lines["model.0.min"], lines["model.1.min"]) == (10, 19)


def test_a_file_that_is_no_toml_has_no_lines():
    assert thresholds.lines("[data") == {}
