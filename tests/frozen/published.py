"""The numbers copied from the papers: a digit that changes by accident would move what is compared with it.

With them stand the numbers that the errors of the papers are told with, where our results are the papers' own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from sim.reproduce import REPRODUCTIONS
from tests.sim.papers import cvar_results, dr_results

PUBLISHED = "published"
"""Name of their frozen file."""

PROSE = "INTRODUCTION"


def freeze_published() -> dict[str, Any]:
    """Return a fingerprint of every constant with numbers, by study and name, and the numbers of the papers' errors."""
    found: dict[str, Any] = {study: _constants(study.replace("-", "_")) for study in REPRODUCTIONS}
    for study, given in TOLD.items():
        errors = import_module(f"sim.reproduce.{study.replace('-', '_')}.errors").documented_errors(*given())
        found[study] |= {f"error {each.key}": _numbers(f"{each.printed} {each.finding}") for each in errors}
    return found


class _Modes(dict[Any, Any]):
    """A market in any mode: no paper prints one in which vehicles charge and discharge at once."""

    def __missing__(self, key: Any) -> Any:
        totals = SimpleNamespace(charge_mwh=12.25, discharge_mwh=3.75)
        return SimpleNamespace(totals=lambda _attitude: totals)


def _with_modes(results: Any) -> tuple[Any]:
    return (SimpleNamespace(**{"reduction_mwh": 0.625, **vars(results), "modes": _Modes()}),)


TOLD: dict[str, Callable[[], tuple[Any, ...]]] = {
    "aggregator": tuple,
    "disco-cvar": lambda: _with_modes(cvar_results()),
    "disco-dr": lambda: _with_modes(dr_results()),
    "two-settlement": tuple,
}
"""What the errors of a study are told with."""


def _numbers(text: str) -> str:
    return " ".join(re.findall(r"[+-]?\d+(?:\.\d+)?", text))


def _constants(package: str) -> dict[str, str]:
    module = import_module(f"sim.reproduce.{package}.published")
    values = {name: value for name, value in vars(module).items() if name.isupper() and name != PROSE}
    return {name: hashlib.sha256(repr(value).encode()).hexdigest()[:16] for name, value in sorted(values.items())}


def published_changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Name the constants that are not what was frozen."""
    return [
        f"{study}: {name}"
        for study in sorted({*old, *new})
        for name in sorted({*old.get(study, {}), *new.get(study, {})})
        if old.get(study, {}).get(name) != new.get(study, {}).get(name)
    ]
