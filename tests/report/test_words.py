"""How figures read."""

import pytest

from fraud.report import words


def figure(value: float, low: float, high: float) -> dict[str, float]:
    return {"value": value, "low": low, "high": high}


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (figure(0.83612, 0.77123, 0.89087), "0.836 (0.771 to 0.891)"),
        (figure(0.99951, 0.99931, 0.99971), "0.99951 (0.99931 to 0.99971)"),
        (figure(0.00038, 0.00023, 0.00055), "0.00038 (0.00023 to 0.00055)"),
        (figure(1.0, 0.951, 1.0), "1.000 (0.951 to 1.000)"),
        (figure(1.0234, 0.9187, 1.1391), "1.02 (0.92 to 1.14)"),
        # Counts, the ends of whose intervals may lie between two counts.
        (figure(39, 34, 43.975), "39 (34 to 44)"),
        (figure(3, 0, 6), "3 (0 to 6)"),
        (figure(0, 0, 0), "0 (0 to 0)"),
        (figure(56_861, 56_853, 56_864), "56,861 (56,853 to 56,864)"),
        # Weighted counts need not be whole.
        (figure(14.6799, 0, 34.2531), "15 (0 to 34)"),
        (figure(36_983.59, 36_964.02, 36_998.27), "36,984 (36,964 to 36,998)"),
        (figure(4.8933, 0, 9.7866), "4.9 (0.0 to 9.8)"),
    ],
)
def test_an_interval_has_as_many_digits_as_are_worth_reading(given, read):
    assert words.with_interval(given) == read


def test_a_difference_has_its_sign_unless_it_is_nothing():
    assert words.with_interval(figure(0.021, -0.004, 0.047), signed=True) == "+0.021 (-0.004 to +0.047)"
    assert words.with_interval(figure(-3, -6, 0), signed=True) == "-3 (-6 to 0)"
    assert words.with_interval(figure(-0.00001, -0.0212, 0.0311), signed=True) == "0.000 (-0.021 to +0.031)"


def test_a_single_number():
    assert words.number(284_807) == "284,807"
    assert words.number(1.0) == "1"
    assert words.number(0.0083943) == "0.008394"
    assert words.number(8.87273e-07) == "8.873e-07"


def test_of_a_hundred_nearly_all_is_not_all():
    assert words.of_hundred(figure(0.836, 0.771, 0.891)) == ("84", "77", "89")
    assert words.of_hundred(figure(0.997, 0.004, 1)) == ("99.7", "0.4", "100")
    assert words.of_hundred(figure(0, 0, 0.2)) == ("0", "0", "20")
    assert words.of_hundred(figure(-0.003, -0.064, -0.0001)) == ("-0.3", "-6", "0.0")


def test_a_percentage():
    shares = (0.001727, 0.3, 1e-05, 1, -123.4)
    assert [words.percent(share) for share in shares] == ["0.173%", "30%", "0.001%", "100%", "-12300%"]
