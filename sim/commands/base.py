"""What the commands share: exit codes, the parser, readers of values, and a word for a day that cannot be served."""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from equilibrium.plain import cut, decimal, plain, shown
from sim.show.streams import complain

if TYPE_CHECKING:
    from collections.abc import Callable

# Everything heavier than argparse is imported where a command needs it, so that --help answers at once.

OK, FAILED, BAD_INPUT, INFEASIBLE, INTERRUPTED = 0, 1, 2, 3, 130
_MESSAGE_LIMIT = 1_500
"""Most characters of a complaint about the command line."""

_DIGITS = 18
_WHOLE = re.compile(f"[0-9]{{1,{_DIGITS}}}")

SOLVERS = ("auto", "highs", "gurobi")
LEVELS = ("standard", "full")


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        """End with one line about the command line."""
        self.exit(BAD_INPUT, f"equilot: error: {plain(cut(message, _MESSAGE_LIMIT))}\n")


class Versions(argparse.Action):
    """Prints the versions of Equilot and of the solvers, with their licences, and ends."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,  # noqa: ARG002 - argparse's signature, as are the next two
        values: str | Sequence[Any] | None,  # noqa: ARG002
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        """Look the versions up only when they are asked for."""
        from sim.manifest import versions

        found = versions()
        sys.stdout.write(
            f"equilot {found['equilot']} (MIT licence)\n"
            f"Python {found['python']}\n"
            f"HiGHS {found['highspy']} (MIT licence), the default solver\n"
            f"Gurobi {found['gurobipy']} (with its free licence models of at most 2000 variables and 2000 rows)\n"
        )
        parser.exit(OK)


class Commands(Protocol):
    """What a command is added to (argparse keeps the name of its own class private)."""

    def add_parser(self, name: str, *, help: str, description: str | None = None) -> argparse.ArgumentParser:  # noqa: A002 - argparse's word
        """Add a command and return its parser."""


def count(minimum: int) -> Callable[[str], int]:
    """Return a reader of whole numbers for argparse."""

    def read(text: str) -> int:
        """Return the whole number that a text is."""
        value = int(text) if _WHOLE.fullmatch(text) else minimum - 1
        if value < minimum:
            most = f" and of {_DIGITS} digits at most" if text.isdigit() and len(text) > _DIGITS else ""
            raise argparse.ArgumentTypeError(f"got {shown(text)}, expected a whole number, at least {minimum}{most}")
        return value

    return read


def directory(text: str) -> Path:
    """Return the folder that a text names, for argparse; an empty text, as of an unset variable, names none."""
    if not text.strip():
        raise argparse.ArgumentTypeError(f"got {shown(text)}, expected the path of a folder")
    return Path(text)


def number(minimum: float, maximum: float = math.inf) -> Callable[[str], float]:
    """Return a reader of finite numbers for argparse."""

    def read(text: str) -> float:
        """Return the number that a text is."""
        value = decimal(text)
        if value is None or not (math.isfinite(value) and minimum <= value <= maximum):
            most = f" and at most {maximum:g}" if math.isfinite(maximum) else ""
            raise argparse.ArgumentTypeError(f"got {shown(text)}, expected a number, at least {minimum:g}{most}")
        return value

    return read


def cannot_serve(reasons: Sequence[str]) -> int:
    """Name the limits that cannot be met, and return the exit code."""
    for reason in reasons:
        complain(f"infeasible: {reason}")
    return INFEASIBLE
