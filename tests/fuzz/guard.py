"""Runs the command inside this process with a watch over time, memory, messages and files."""

from __future__ import annotations

import contextlib
import io
import os
import resource
import signal
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sim.cli import main

PROCESSOR_S = 10
"""Seconds of processor time after which a command hangs: time that it works, not time that passes."""

MEMORY = 1 << 30
"""Bytes that a command may take beside what the process has already."""

LONGEST_LINE = 2_500
SCREEN = 24
"""Most lines that say what is wrong with an input."""

CODES = range(10)
"""Those of runs, and of games what their verdicts have (docs/games.md)."""


class HangError(BaseException):
    """The processor time is over. No exception of the library's: nobody may catch it."""


@dataclass(frozen=True)
class Outcome:
    """What a command did: its exit code, what it wrote, and what must not have happened."""

    code: int
    out: str
    err: str
    faults: tuple[str, ...]


def attempt(arguments: list[str], folder: Path, *, watched: bool = True) -> Outcome:
    """Run the command in a folder; nothing may be left there when the input is refused.

    Not ``watched`` it may take any time and memory: a process that has run once holds libraries, threads and address
    space that are no memory of the next command.
    """
    before = _listing(folder)
    out, err = io.StringIO(), io.StringIO()
    faults: list[str] = []
    code = -1
    try:
        with (
            _inside(folder),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            warnings.catch_warnings(),
            _watched() if watched else contextlib.nullcontext(),
        ):
            warnings.simplefilter("ignore")
            code = main(arguments)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else -1
    except HangError:
        faults.append(f"more than {PROCESSOR_S} s of processor time")
    except MemoryError:
        faults.append(f"more than {MEMORY} bytes of memory")
    except Exception:  # noqa: BLE001 - that is what is looked for
        faults.append("traceback\n" + traceback.format_exc())
    if not faults:
        faults += _said(code, out.getvalue(), err.getvalue())
    if code == 2 and _listing(folder) != before:
        faults.append(f"refused, and wrote {sorted(_listing(folder).items() ^ before.items())}")
    return Outcome(code, out.getvalue(), err.getvalue(), tuple(faults))


def _said(code: int, out: str, err: str) -> list[str]:
    """Return what is wrong with the code and the words of a command that ended."""
    faults = []
    lines = err.splitlines()
    if code not in CODES:
        faults.append(f"exit code {code}")
    several = SCREEN if code == 2 else 1  # all that is wrong with the keys of a file is said at once
    told = 1 <= len(lines) <= several and all(line.startswith("equilot: ") for line in lines)
    if not told and (code == 2 or (code == 1 and (lines or not out))):
        faults.append(f"exit code {code} with {len(lines)} lines: {lines[:3]}")
    if code == 3 and not all(line.startswith("equilot: infeasible: ") for line in lines):
        faults.append(f"exit code 3 with {lines[:3]}")
    faults += [f"a line of {len(line)} characters" for line in (*lines, *out.splitlines()) if len(line) > LONGEST_LINE]
    if "\x1b" in out + err or "\x00" in out + err:
        faults.append("a control character was printed")
    return faults


def _listing(folder: Path) -> dict[str, bytes | None]:
    """Return every file below a folder with its content; folders and what cannot be read have none."""
    found: dict[str, bytes | None] = {}
    for path in sorted(folder.rglob("*")):
        plain = path.is_file() and not path.is_symlink()
        found[str(path)] = path.read_bytes() if plain else None
    return found


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextlib.contextmanager
def _watched() -> Iterator[None]:
    """End what works for too long or takes too much memory."""

    def over(_number: int, _frame: object) -> None:
        raise HangError

    handler = signal.signal(signal.SIGPROF, over)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + MEMORY
    signal.setitimer(signal.ITIMER_PROF, PROCESSOR_S)
    resource.setrlimit(resource.RLIMIT_AS, (most, limits[1]))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, limits)
        signal.signal(signal.SIGPROF, handler)
