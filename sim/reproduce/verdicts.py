"""Statements of a reproduction with their verdicts, and errors of the paper.

A verdict says what it rests on. Arithmetic on the paper's own numbers and what is true by construction say nothing
about whether the paper's results come out again; only what is tested does, and what is seen on stand-in data neither
confirms nor refutes the paper.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum


class Kind(StrEnum):
    """What a verdict rests on.

    ``ARITHMETIC`` uses the paper's own numbers alone. ``CONSTRUCTION`` is a theorem or an identity of the model, or a
    value recorded by Equilot itself: it is true whatever the paper says, and finds faults in the code. ``TESTED`` could
    have come out otherwise, whatever stands in for unpublished data. ``STAND_IN`` is seen on data that stand in for
    those that the paper does not publish. ``ERRATUM`` is a statement of the paper that its own numbers refute.
    """

    ARITHMETIC = "arithmetic"
    CONSTRUCTION = "by construction"
    TESTED = "tested"
    STAND_IN = "stand-in data"
    ERRATUM = "erratum of the paper"


@dataclass(frozen=True)
class Statement:
    """One statement about the results.

    Attributes
    ----------
    key
        Its number in the checklist, e.g. ``N1``.
    text
        What is stated.
    kind
        What the verdict rests on.
    holds
        How it came out.
    reason
        The numbers behind the outcome.
    must_hold
        Whether the reproduction fails when the statement does: theorems, identities and regression values.
    first
        The form in which it was stated first, where it was weakened since, with its own outcome.
    """

    key: str
    text: str
    kind: Kind
    holds: bool
    reason: str
    must_hold: bool = False
    first: Statement | None = None

    @property
    def broken(self) -> bool:
        """True for a statement that must hold and does not."""
        return self.must_hold and not self.holds

    @property
    def verdict(self) -> str:
        """What the outcome rests on and what it is, e.g. ``tested: holds``."""
        return str(self.kind) if self.kind is Kind.ERRATUM else f"{self.kind}: {self.outcome}"

    @property
    def outcome(self) -> str:
        """``holds``, ``fails``, or ``does not hold`` on stand-in data, which refutes nothing."""
        if self.holds:
            return "holds"
        return "does not hold" if self.kind is Kind.STAND_IN else "fails"

    @property
    def first_form(self) -> str:
        """The first form and what came out; empty where the statement is as it was."""
        if self.first is None:
            return ""
        return f'stated first: "{self.first.text}", which {self.first.outcome} ({self.first.reason})'

    def weakened_from(self, text: str, holds: bool, reason: str) -> Statement:
        """Return the statement with the stricter form in which it was stated first."""
        return replace(self, first=Statement(self.key, text, self.kind, holds, reason))


def arithmetic(key: str, text: str, holds: bool, reason: str) -> Statement:
    """Return a statement on the paper's own numbers alone; it must hold."""
    return Statement(key, text, Kind.ARITHMETIC, holds, reason, must_hold=True)


def by_construction(key: str, text: str, holds: bool, reason: str) -> Statement:
    """Return a theorem, an identity or a value of our own record; it must hold."""
    return Statement(key, text, Kind.CONSTRUCTION, holds, reason, must_hold=True)


def put_to_test(key: str, text: str, holds: bool, reason: str, *, must_hold: bool) -> Statement:
    """Return a statement that could come out otherwise whatever stands in for unpublished data."""
    return Statement(key, text, Kind.TESTED, holds, reason, must_hold)


def on_stand_in(key: str, text: str, holds: bool, reason: str, *, must_hold: bool = False) -> Statement:
    """Return a statement that depends on data which the paper does not publish."""
    return Statement(key, text, Kind.STAND_IN, holds, reason, must_hold)


def erratum(key: str, text: str, holds: bool, reason: str) -> Statement:
    """Return a statement of the paper that its own numbers refute; plain arithmetic if they should not."""
    return Statement(key, text, Kind.ARITHMETIC if holds else Kind.ERRATUM, holds, reason)


def counted(statements: Sequence[Statement]) -> str:
    """Return how many statements of each kind hold and do not, and how many were weakened; those that do not by key."""
    parts = []
    for kind in Kind:
        own = [statement for statement in statements if statement.kind is kind]
        bad = [statement for statement in own if not statement.holds]
        if kind is Kind.ERRATUM:
            parts.append(f"{kind} {len(own)}{_keys(own)}")
        else:
            word = "do not hold" if kind is Kind.STAND_IN else "fail"
            parts.append(f"{kind} {len(own) - len(bad)} hold, {len(bad)} {word}{_keys(bad)}")
    weakened = [statement for statement in statements if statement.first is not None]
    return "; ".join([*parts, f"weakened since first stated {len(weakened)}{_keys(weakened)}"])


def _keys(statements: Sequence[Statement]) -> str:
    """Return the keys in brackets, each once, with how often it occurs; empty without statements."""
    times = Counter(statement.key for statement in statements)
    told = ", ".join(key if number == 1 else f"{key} x {number}" for key, number in times.items())
    return f" ({told})" if told else ""


@dataclass(frozen=True)
class DocumentedError:
    """An error of the paper: what is printed, what was found, and how Equilot treats it."""

    key: str
    printed: str
    finding: str
    treatment: str
