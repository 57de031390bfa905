"""The numbers copied from the papers: a digit that changes by accident would move what is compared with it."""

from __future__ import annotations

import hashlib
from importlib import import_module
from typing import Any

from sim.reproduce import REPRODUCTIONS

PUBLISHED = "published"
"""Name of their frozen file."""

PROSE = "INTRODUCTION"


def freeze_published() -> dict[str, Any]:
    """Return a fingerprint of every constant with numbers, by study and name."""
    return {study: _constants(study.replace("-", "_")) for study in REPRODUCTIONS}


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
