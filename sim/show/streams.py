"""Standard output and standard error, whoever listens: closed, full, gone, of few letters. Light, for the command."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from equilibrium.plain import plain


def open_output() -> None:
    """Let there be a standard output that takes every name: none when it was closed, ASCII alone in some places."""
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - it stays open to the end
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def complain(text: str) -> None:
    """Write one line to standard error, if somebody listens."""
    with suppress(OSError, AttributeError):  # nobody where it is closed
        sys.stderr.write(f"equilot: {plain(text)}\n")


def discard_output() -> None:
    """Let what is still written to standard output go nowhere: its reader, `head` for one, has gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
