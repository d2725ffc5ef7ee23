"""Whatever figures lie behind a picture, as tables."""

import json

import pytest

from fraud.report import words
from fraud.report.tables import Table, of_curves, of_numbers
from tests.report.exploration import EXPLORED


def test_curves_stand_side_by_side_with_their_intervals():
    one = {"value": [0.5, 1.0], "low": [0.25, 1.0], "high": [0.75, 1.0]}
    other = {"value": [0.1, 0.2], "low": [0.05, 0.15], "high": [0.15, 0.25]}
    # Two models may share a name.
    table = of_curves("Costs", "Price", ["1", "10"], [("a", one), ("a", other)], "a note")
    assert table == Table(
        "Costs",
        ("Price", "a", "a"),
        (
            ("1", ("0.500", "0.250", "0.750"), ("0.100", "0.050", "0.150")),
            ("10", ("1", "1", "1"), ("0.200", "0.150", "0.250")),
        ),
        "a note",
    )


def test_single_figures_and_short_lists_are_a_row_each():
    numbers = {"rows": 1_234, "share_in_file": 0.25, "quiet_hours": [1, 2], "turn": [[1, 0], [0, 1]], "source": "own"}
    assert of_numbers(numbers) == [
        Table(
            "",
            ("", "Value"),
            (
                ("Rows", "1,234"),
                ("Share in file", "0.25"),
                ("Quiet hours", "1, 2"),
                ("Turn", "1, 0; 0, 1"),
                ("Source", "own"),
            ),
        )
    ]


def test_a_mapping_of_figures_is_a_table_of_its_own():
    assert of_numbers({"r": {"V1": 0.5, "V_2": -0.25}, "limit": 0.1}) == [
        Table("", ("", "Value"), (("Limit", "0.1"),)),
        Table("r", ("", "Value"), (("V1", "0.5"), ("V 2", "-0.25"))),
    ]


def test_mappings_with_the_same_keys_share_a_table():
    numbers = {"median": {"legitimate": 22.5, "fraud": 9}, "share": {"legitimate": 0.5, "fraud": 0.25}}
    assert of_numbers(numbers) == [
        Table("", ("", "Legitimate", "Fraud"), (("Median", "22.5", "9"), ("Share", "0.5", "0.25")))
    ]


def test_records_are_rows():
    (table,) = of_numbers({"hours": [{"hour": k, "frauds": 2 * k} for k in range(24)]})
    assert table.title == "Hours"
    assert table.columns == ("Hour", "Frauds")
    assert table.rows == tuple((str(k), str(2 * k)) for k in range(24))


def test_lists_are_columns_and_edges_those_of_bins():
    (table,) = of_numbers({"edges": list(range(11)), "percent": {"fraud": [2.5] * 10, "legitimate": [10] * 10}})
    assert table.columns == ("Bin", "Percent fraud", "Percent legitimate")
    assert table.rows == tuple((f"{k} to {k + 1}", "2.5", "10") for k in range(10))


def test_a_matrix_has_the_names_before_it_on_both_sides():
    names = [f"V{k}" for k in range(10)]
    (table,) = of_numbers({"columns": names, "r": [[i + j / 10 for j in range(10)] for i in range(10)]})
    assert table.columns == ("Columns", *names)
    assert table.rows[3] == ("V3", *(words.number(3 + j / 10) for j in range(10)))


def test_lists_of_several_things_stand_below_each_other_and_many_are_thinned_out():
    curves = {name: {"at": [10.0 * k for k in range(100)], "density": [0.5] * 100} for name in ("V1", "V2", "V3")}
    (table,) = of_numbers({"densities": curves})
    assert table.title == "Densities"
    assert table.columns == ("", "At", "Density")
    assert table.note == "One row in 2 is shown"
    assert table.rows == tuple((name, words.number(20 * k), "0.5") for name in curves for k in range(50))
    (whole,) = of_numbers({"densities": {name: curves[name] for name in ("V1", "V2")}})
    assert whole.note == ""
    assert len(whole.rows) == 200


def leaves(value):
    if isinstance(value, dict):
        value = list(value.values())
    return [leaf for each in value for leaf in leaves(each)] if isinstance(value, list) else [value]


@pytest.mark.parametrize("figure", EXPLORED)
def test_every_figure_of_the_exploration_is_told(explored_run, figure):
    explored = json.loads((explored_run.build / "explore.json").read_text())["figures"]
    (numbers,) = (each["numbers"] for each in explored if each["id"] == figure)
    tables = of_numbers(numbers)
    assert all(len(row) == len(table.columns) for table in tables for row in table.rows)
    cells = [cell.replace(";", ",") for table in tables for row in table.rows for cell in row]
    told = {part for cell in cells for part in cell.split(", ")}
    told |= {end for cell in told for end in cell.split(" to ")} | {name for table in tables for name in table.columns}
    if any(table.note for table in tables):
        # The curves of the densities are thinned out.
        numbers = numbers["ks_distance"]
    assert {leaf if isinstance(leaf, str) else words.number(leaf) for leaf in leaves(numbers)} <= told
