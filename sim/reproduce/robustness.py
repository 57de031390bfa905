"""Whether the claims of a reproduction stand when what nobody published is another: data, seeds, populations, order.

A claim is a statement that could have come out otherwise: tested, or seen on stand-in data. It is *robust* when it
comes out in every variation as it does in the reproduction, *shifted* when it does in more than half of them, and
*fragile* when it does in fewer. The words are those of :mod:`sim.studies.claims`; here a variation is a whole
reproduction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module

from equilibrium.errors import InfeasibleError, InputError
from sim.reproduce.verdicts import Kind, Statement
from sim.studies.claims import FRAGILE, OPEN, ROBUST, SHIFTED

CLAIMS = (Kind.TESTED, Kind.STAND_IN)
"""Kinds of statements that are claims; the others are true whatever the data are."""


@dataclass(frozen=True)
class Variation:
    """One way in which a reproduction could be another.

    Attributes
    ----------
    kind
        What is varied: ``data``, ``seed``, ``population``, ``order``.
    name
        How.
    statements
        Computes the study with a solver and returns its statements.
    """

    kind: str
    name: str
    statements: Callable[[str], tuple[Statement, ...]]


@dataclass(frozen=True)
class Examined:
    """How one claim came out in the variations.

    Attributes
    ----------
    statement
        The claim with its outcome in the reproduction.
    same, of
        Variations in which it came out alike, of how many that could be served.
    otherwise
        Names of the others.
    """

    statement: Statement
    same: int
    of: int
    otherwise: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """``robust``, ``shifted``, ``fragile``, or ``open`` without a variation that can be served."""
        if not self.of:
            return OPEN
        if self.same == self.of:
            return ROBUST
        return SHIFTED if 2 * self.same > self.of else FRAGILE

    def row(self) -> tuple[str, ...]:
        """Return it as text."""
        stands = "holds" if self.statement.holds else "does not hold"
        counts = f"{self.same} of {self.of}"
        return (
            self.statement.key, self.statement.text, stands, self.verdict, counts, "; ".join(self.otherwise)
        )  # fmt: skip


HEAD = ("key", "claim", "here", "verdict", "alike", "otherwise in")


def variations_of(name: str) -> tuple[Variation, ...]:
    """Return the variations of a reproduction.

    Raises
    ------
    InputError
        When it has none.
    """
    try:
        module = import_module(f"sim.reproduce.{name.replace('-', '_')}.variations")
    except ModuleNotFoundError:
        expected = "a reproduction with variations: epec-lots, disco-cvar, disco-dr or two-settlement"
        raise InputError("equilot reproduce", "--robustness", name, expected) from None
    found: tuple[Variation, ...] = module.VARIATIONS
    return found


def examine(
    base: Sequence[Statement],
    variations: Sequence[Variation],
    solver: str = "auto",
    progress: Callable[[str], None] | None = None,
) -> tuple[tuple[Examined, ...], tuple[str, ...]]:
    """Compute the variations and compare what they say of every claim.

    Parameters
    ----------
    base
        The statements of the reproduction.
    variations
        What is computed.
    solver
        ``"auto"``, ``"highs"`` or ``"gurobi"``.
    progress
        Called with the name of every finished variation.

    Returns
    -------
    tuple of Examined
        One for each claim.
    tuple of str
        Names of variations that the network cannot serve.
    """
    outcomes: dict[str, dict[tuple[str, str, int], bool]] = {}
    unserved = []
    for each in variations:
        try:
            outcomes[each.name] = {place: one.holds for place, one in _claims(each.statements(solver)).items()}
        except InfeasibleError:
            unserved.append(each.name)
        if progress is not None:
            progress(each.name)
    examined = []
    for place, claim in _claims(base).items():
        said = {name: found[place] for name, found in outcomes.items() if place in found}
        otherwise = tuple(name for name, holds in said.items() if holds != claim.holds)
        examined.append(Examined(claim, len(said) - len(otherwise), len(said), otherwise))
    return tuple(examined), tuple(unserved)


def counted(examined: Sequence[Examined]) -> str:
    """Return how many claims are robust, shifted, fragile and open."""
    times = Counter(each.verdict for each in examined)
    return ", ".join(f"{times[word]} {word}" for word in (ROBUST, SHIFTED, FRAGILE, OPEN) if times[word])


def _claims(statements: Sequence[Statement]) -> dict[tuple[str, str, int], Statement]:
    """Return the claims by key and text, and by number where both stand twice."""
    seen = Counter[tuple[str, str]]()
    found = {}
    for each in statements:
        if each.kind in CLAIMS:
            seen[each.key, each.text] += 1
            found[each.key, each.text, seen[each.key, each.text]] = each
    return found
