"""What goes wrong in a way that the caller can mend, and how a command line tells it."""

import sys
from collections.abc import Callable


class UsageError(Exception):
    """A wrong call or an input that can't be used; its text is one line that names what to mend."""


def reported(command: str, run: Callable[[], int]) -> int:
    """Run a command and return its exit code: its own, 2 for what the caller can mend, 130 when interrupted.

    What went wrong is one line on stderr, without a traceback; any other exception is a bug and passes through.
    """
    try:
        return run()
    except UsageError as error:
        print(f"{command}: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"{command}: {place}{error.strerror or error}; nothing is left half-written", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{command}: interrupted; nothing is left half-written", file=sys.stderr)
        return 130
