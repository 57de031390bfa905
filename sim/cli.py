"""The command ``equilot``.

Exit codes: 0 done; 1 a statement that must hold of a reproduction or a run does not, a day is not proved, a game has no
certified answer, or a solver failed; 2 the input cannot be used; 3 a day could not be served and the run stopped; 130
interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from equilibrium.errors import InfeasibleError, InputError, SeveralInputErrors, SolverError
from sim.collector import collect_seldom
from sim.commands import (
    app,
    check,
    completion,
    explain,
    figures,
    games,
    inspect,
    new,
    reconfigure,
    report,
    reproduce,
    run,
    scenarios,
    study,
)
from sim.commands.base import BAD_INPUT, FAILED, INTERRUPTED, OK, Parser, Versions, cannot_serve
from sim.show.streams import complain, discard_output, open_output

if TYPE_CHECKING:
    from collections.abc import Callable

COMMANDS = (
    run,
    new,
    inspect,
    study,
    scenarios,
    figures,
    report,
    app,
    explain,
    check,
    reproduce,
    games,
    reconfigure,
    completion,
)
"""The modules of the commands, in the order of the help."""

_SHOWN = 20
"""Most faults of an input that are told at once: a screen."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code; it means the same when the reader of the output has gone."""
    open_output()
    collect_seldom()
    code = _execute(_parser().parse_args(arguments))
    try:
        sys.stdout.flush()  # here, and not when the interpreter ends and can only complain
    except BrokenPipeError:
        discard_output()
    except OSError as error:
        complain(f"error: standard output: {error.strerror}")
        discard_output()
        return code or FAILED
    return code


def _execute(given: argparse.Namespace) -> int:
    """Run the command; errors that a user can cause become one line."""
    command: Callable[[argparse.Namespace], int] = given.command
    try:
        return command(given)
    except (InputError, SolverError) as error:
        errors = error.errors if isinstance(error, SeveralInputErrors) else (error,)
        for each in errors[:_SHOWN]:
            complain(f"error: {each}")
        if len(errors) > _SHOWN:
            complain(f"error: and {len(errors) - _SHOWN} more of the kind; mend these first")
        return BAD_INPUT if isinstance(error, InputError) else FAILED
    except InfeasibleError as error:  # already what comes before the first day cannot be served
        return cannot_serve(error.reasons or (str(error),))
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # only what writes its list as the last thing comes here: the rest uses a console
        discard_output()
        return OK
    except OSError as error:  # the disk is full, the folder has gone
        where = "" if error.filename is None else f"{error.filename}: "
        complain(f"error: {where}{error.strerror or error}")
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="equilot",
        description="Agent-based simulation of local electricity markets with EV parking lots, cleared exactly.",
        epilog="Exit codes: 0 done, 1 a statement that must hold does not, a day is not proved, a game has no "
        "certified answer or a solver failed (those of games: docs/games.md), 2 the input cannot be used, 3 a day "
        "could not be served, 130 interrupted.",
    )
    parser.add_argument("--version", action=Versions, nargs=0, help="print versions and licences")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    for each in COMMANDS:
        each.add_to(commands)
    parser.set_defaults(parser=parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
