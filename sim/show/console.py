"""The terminal: plain text when it is piped, and a progress bar while a run goes on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from sim.show.streams import discard_output

_PIPED_WIDTH = 80
_TENTHS = 10

PROGRESS = 25
"""Level of a log record that tells how far a run is: above ``INFO``, below ``WARNING``."""

_OURS = ("equilot", "equilibrium", "scenarios", "agents", "sim")
"""Packages whose log records are shown; those of libraries below the level ``WARNING`` say nothing of a run."""

_log = logging.getLogger(__name__)

_AS_IT_IS: dict[str, Any] = {"highlight": False, "markup": False, "emoji": False}
"""Names are printed as they are: neither ``[bold]`` nor ``:car:`` in one means anything to the terminal."""


class Advance(Protocol):
    """Called with a short text after every finished day."""

    def __call__(self, text: str) -> None:
        """Move the bar on by one day."""


def console(*, stderr: bool = False) -> Console:
    """Return a console that writes plain text of 80 columns when it is piped."""
    plain = _Console(stderr=stderr, soft_wrap=False, **_AS_IT_IS)
    if plain.is_terminal:
        return plain
    return _Console(stderr=stderr, width=_PIPED_WIDTH, no_color=True, **_AS_IT_IS)


class _Console(Console):
    """A console that goes on silently when its reader has gone, so that the work is done and the exit code is kept."""

    def print(self, *objects: Any, **look: Any) -> None:  # noqa: ANN401
        """Print as rich does; rich before version 13.8 does not see a broken pipe itself."""
        try:
            super().print(*objects, **look)
        except BrokenPipeError:
            self.on_broken_pipe()

    def on_broken_pipe(self) -> None:
        """Print nothing from now on; rich would end the program with exit code 1 here."""
        self.quiet = True
        discard_output()


@contextmanager
def progress_bar(screen: Console, days: int) -> Iterator[Advance]:
    """Show a bar over the days of a run; without a terminal every tenth of a run of ten days or more is logged.

    A day that is no such tenth is logged too, at the level ``INFO``.
    """
    if not screen.is_terminal:
        yield _logged(days)
        return
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("days"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=screen,
        transient=True,
    )
    with bar:
        task = bar.add_task("starting", total=days)

        def advance(text: str) -> None:
            """Move the bar on by one day."""
            bar.update(task, advance=1, description=text)

        yield advance


def _logged(days: int) -> Advance:
    """Return what logs the days of a run: the tenths as progress that is always told, the others for those who ask."""
    done = 0

    def advance(text: str) -> None:
        """Log one more day."""
        nonlocal done
        done += 1
        tenth = days >= _TENTHS and done * _TENTHS // days > (done - 1) * _TENTHS // days
        _log.log(PROGRESS if tenth else logging.INFO, "%s: %d of %d days", text, done, days)

    return advance


@contextmanager
def logging_to_stderr(*, quiet: bool = False, verbose: bool = False) -> Iterator[None]:
    """Write our log records to standard error while a command runs, one plain line each.

    Parameters
    ----------
    quiet
        Errors alone.
    verbose
        Also what is worth knowing only to those who ask.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.setLevel(logging.ERROR if quiet else logging.INFO if verbose else PROGRESS)
    handler.addFilter(lambda record: record.name.split(".")[0] in _OURS or record.levelno >= logging.WARNING)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(min(level or logging.WARNING, handler.level))
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
