"""The figures behind a picture as tables, in cells that are worded already, so that a template only prints them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise, zip_longest
from typing import Any

from fraud.report import words

# Text, or a figure as `words.rounded` tells it: value, low, high.
Cell = str | tuple[str, str, str]

# A list that is no longer is told in one cell, and a table that is longer thinned out.
_SHORT, _LONG = 6, 200

_SPELT = {"ks": "KS"}


@dataclass(frozen=True)
class Table:
    """Rows as wide as `columns`, the first cell of each being its name; `title` and `note` may be empty."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


def of_curves(
    title: str, along: str, at: Iterable[str], curves: Iterable[tuple[str, Mapping[str, Sequence[float]]]], note: str
) -> Table:
    """Curves side by side, in the words of `value`, `low` and `high` at each place.

    Args:
        along: what the curves run along.
        at: the places on it, in words.
        curves: each with its name.
    """
    names, columns = zip(*((name, _intervals(curve)) for name, curve in curves), strict=True)
    return Table(title, (along, *names), tuple(zip(at, *columns, strict=True)), note)


def of_numbers(numbers: Mapping[str, Any], title: str = "") -> list[Table]:
    """Whatever figures by name: numbers, lists of them, lists of records, and mappings of any of these.

    Single figures come first. Lists that stand together are the columns of a table, `edges` those of its bins, and the
    columns of a matrix are named by the list before it. Mappings with the same keys share a table.
    """
    numbers = {name: _by_column(value) for name, value in numbers.items()}
    single = {name: value for name, value in numbers.items() if _is_cell(value)}
    nested = {name: value for name, value in numbers.items() if name not in single}
    tables = [_pairs(single, title)] if single else []
    if any(isinstance(value, list) for value in nested.values()):
        return [*tables, _series({title: nested}, title)]
    for _, group in groupby(nested.items(), lambda item: tuple(item[1])):
        alike = dict(group)
        if len(alike) == 1:
            ((name, value),) = alike.items()
            tables += of_numbers(value, _label(name))
        elif all(_is_cell(value) for each in alike.values() for value in each.values()):
            tables.append(_across(alike, title))
        else:
            tables.append(_series(alike, title))
    return tables


def _intervals(curve: Mapping[str, Sequence[float]]) -> list[Cell]:
    points = zip(curve["value"], curve["low"], curve["high"], strict=True)
    return [words.rounded({"value": value, "low": low, "high": high}) for value, low, high in points]


def _by_column(value: Any) -> Any:
    """A list of records as a mapping of lists; anything else as it is."""
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return {name: [record[name] for record in value] for name in value[0]}
    return value


def _is_cell(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) <= _SHORT and all(map(_is_cell, value))
    return not isinstance(value, Mapping)


def _pairs(single: Mapping[str, Any], title: str) -> Table:
    return Table(title, ("", "Value"), tuple((_label(name), _cell(value)) for name, value in single.items()))


def _across(alike: Mapping[str, Mapping[str, Any]], title: str) -> Table:
    """A row for each mapping, a column for each of the keys that all have."""
    columns = ("", *map(_label, next(iter(alike.values()))))
    return Table(title, columns, tuple((_label(name), *map(_cell, each.values())) for name, each in alike.items()))


def _series(alike: Mapping[str, Mapping[str, Any]], title: str) -> Table:
    """The rows of one mapping of lists, or of several below each other, each row with the mapping's name before it."""
    flat = {_label(name): _flat(columns) for name, columns in alike.items()}
    rows = [
        (*([name] if len(flat) > 1 else []), *map(_cell, cells))
        for name, columns in flat.items()
        for cells in zip_longest(*columns.values(), fillvalue="")
    ]
    columns = (*([""] if len(flat) > 1 else []), *map(_label, next(iter(flat.values()))))
    step = -(-len(rows) // _LONG)
    return Table(title, columns, tuple(rows[::step]), f"One row in {step} is shown" if step > 1 else "")


def _flat(columns: Mapping[str, Any], prefix: str = "") -> dict[str, list[Any]]:
    flat: dict[str, list[Any]] = {}
    for name, values in columns.items():
        if isinstance(values, Mapping):
            flat |= _flat(values, f"{prefix}{name} ")
        elif not isinstance(values, list):
            flat[prefix + name] = [values]
        elif name == "edges":
            flat["bin"] = [f"{_cell(low)} to {_cell(high)}" for low, high in pairwise(values)]
        elif values and isinstance(values[0], list):
            flat |= dict(zip(next(iter(flat.values())), map(list, zip(*values, strict=True)), strict=True))
        else:
            flat[prefix + name] = values
    return flat


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ("; " if value and isinstance(value[0], list) else ", ").join(map(_cell, value))
    return value if isinstance(value, str) else words.number(value)


def _label(name: str) -> str:
    """The name of a figure in an artefact as a heading."""
    text = " ".join(_SPELT.get(word, word) for word in name.split("_"))
    return text if len(text) == 1 else text[:1].upper() + text[1:]
