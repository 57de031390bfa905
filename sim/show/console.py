"""The terminal: plain text when it is piped, and a progress bar while a run goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from sim.show.streams import discard_output

_PIPED_WIDTH = 80

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
    """Show a bar over the days of a run; nothing is shown when the output is piped."""
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("days"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=screen,
        transient=True,
        disable=not screen.is_terminal,
    )
    with bar:
        task = bar.add_task("starting", total=days)

        def advance(text: str) -> None:
            bar.update(task, advance=1, description=text)

        yield advance
