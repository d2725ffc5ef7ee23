"""What a person sees in a terminal: progress bars on stderr while work is long, tables, and plain messages."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

T = TypeVar("T")


def track(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """Yield `items` while a bar shows how far the work has come and the time left."""
    with bar() as progress:
        yield from progress.track(items, total=total, description=description)


def bar() -> Progress:
    """A progress display to be used as a context manager; hidden unless stderr is a terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


def say(message: str) -> None:
    """Tell a person, on stderr, what the program is at or what to know."""
    print(message, file=sys.stderr, flush=True)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table for a terminal; the first column is text, the others are aligned to the right."""
    drawn = Table(box=SIMPLE_HEAD)
    for index, column in enumerate(columns):
        drawn.add_column(column, justify="right" if index else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(escape(cell) for cell in row))
    # A pipe has no width of its own: rows must not be folded there.
    console = Console(width=None if sys.stdout.isatty() else 160)
    with console.capture() as captured:
        # Not as the table's own title, which would be folded to the width of its columns.
        console.print(title, style="bold", markup=False, highlight=False)
        console.print(drawn)
    return captured.get().rstrip()
