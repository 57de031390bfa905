"""``equilot completion``: what a shell needs to complete the command line."""

from __future__ import annotations

import argparse
import importlib
import sys

from equilibrium.errors import InputError
from sim.commands.base import OK, Commands

_SHELLS = ("bash", "zsh", "tcsh")
_COMPLETION = """Print what a shell needs to complete commands and options, for instance in bash:
source <(equilot completion bash)"""


def add_to(commands: Commands) -> None:
    """Add the command and its argument."""
    completion = commands.add_parser("completion", help="print a shell's completion", description=_COMPLETION)
    completion.add_argument("shell", choices=_SHELLS, metavar="SHELL", help=", ".join(_SHELLS))
    completion.set_defaults(command=_completion)


def _completion(given: argparse.Namespace) -> int:
    """``equilot completion``."""
    try:
        shtab = importlib.import_module("shtab")
    except ImportError:
        found = "not installed"
        raise InputError("completion", "shtab", found, 'the extra: pip install "equilot[completion]"') from None
    sys.stdout.write(f"{shtab.complete(given.parser, given.shell)}\n")
    return OK
