"""The markets of this floor: which keys their files have, and what is loaded from them.

A new market is one line in :data:`KINDS`, or an entry point of the group :data:`GROUP` in another distribution, which
names an object with the attributes ``scenario`` (a :class:`~scenarios.case.ScenarioKind`) and ``market`` (what
:mod:`sim.kinds` takes).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar, get_args

from equilibrium.errors import InputError
from scenarios.case import Case, ScenarioKind
from scenarios.markets.aggregator.case import KIND as AGGREGATOR
from scenarios.markets.aggregator.rivals.case import KIND as AGGREGATORS
from scenarios.markets.disco.case import KIND as DISCO
from scenarios.markets.lots_lead.case import KIND as LOTS_LEAD
from scenarios.markets.nodal.case import KIND as NODAL
from scenarios.markets.two_settlement.case import KIND as TWO_SETTLEMENT
from scenarios.schema import CaseFile, MarketSection

KINDS: tuple[ScenarioKind[Any], ...] = (LOTS_LEAD, NODAL, DISCO, AGGREGATOR, AGGREGATORS, TWO_SETTLEMENT)

DEFAULT = LOTS_LEAD.name
"""The market of a file that states none."""

GROUP = "equilot.markets"

Kind = TypeVar("Kind")


@cache
def scenario_kinds() -> Mapping[str, ScenarioKind[Any]]:
    """Return the kinds of all markets that are installed, by name: :data:`KINDS`, then those of entry points.

    Raises
    ------
    InputError
        When a kind lacks a part, or two have one name.
    """
    return with_plugins(KINDS, "scenario", check_scenario_kind)


def with_plugins(kinds: Iterable[Kind], part: str, check: Callable[[str, object], Kind]) -> dict[str, Kind]:
    """Return a list of kinds by name, with those of other distributions behind it.

    Parameters
    ----------
    kinds
        The list.
    part
        Attribute of an entry point's object that holds its kind for this list.
    check
        Called with where a kind comes from and with the kind; returns it or raises :class:`InputError`.
    """
    origin: dict[str, str] = {}
    found: dict[str, Kind] = {}
    sources: list[tuple[str, object]] = [("equilot", kind) for kind in kinds]
    sources += [(source, getattr(plugin, part, None)) for source, plugin in plugins()]
    for source, given in sources:
        kind = check(source, given)
        name: str = getattr(kind, "name", "")
        if name in found:
            raise InputError(source, "name", name, f"a name of its own: {origin[name]} has it already")
        origin[name], found[name] = source, kind
    return found


@cache
def plugins() -> tuple[tuple[str, object], ...]:
    """Return what the entry points of :data:`GROUP` name, each with words that say where it comes from."""
    found = sorted(entry_points(group=GROUP), key=lambda entry: (_distribution(entry), entry.name))
    return tuple((f"market {entry.name} of {_distribution(entry)}", _loaded(entry)) for entry in found)


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.value


def _loaded(entry: EntryPoint) -> object:
    """Import what an entry point names."""
    try:
        return entry.load()
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        expected = f"an object that can be imported ({type(error).__name__}: {error})"
        raise InputError(
            f"market {entry.name} of {_distribution(entry)}", "entry point", entry.value, expected
        ) from error


def check_scenario_kind(source: str, given: object) -> ScenarioKind[Any]:
    """Return a kind that has all its parts.

    Parameters
    ----------
    source
        Where it comes from, for the complaint.
    given
        The kind.

    Raises
    ------
    InputError
        When a part is missing or cannot be used.
    """
    if not isinstance(given, ScenarioKind):
        raise InputError(source, "scenario", given, "a scenarios.case.ScenarioKind")
    kind: ScenarioKind[Any] = given
    if not isinstance(kind.name, str) or not kind.name:
        raise InputError(source, "scenario.name", kind.name, "the name that market.kind gives it")
    if not (isinstance(kind.schema, type) and issubclass(kind.schema, CaseFile)):
        raise InputError(source, "scenario.schema", kind.schema, "a subclass of scenarios.schema.CaseFile")
    section = kind.schema.model_fields["market"].annotation
    if not (isinstance(section, type) and issubclass(section, MarketSection)):
        raise InputError(source, "scenario.schema: market", section, "a subclass of scenarios.schema.MarketSection")
    named = get_args(section.model_fields["kind"].annotation)
    if kind.name not in named:
        raise InputError(source, "scenario.schema: market.kind", list(named), f"Literal[{kind.name!r}]")
    if not (isinstance(kind.case, type) and issubclass(kind.case, Case)):
        raise InputError(source, "scenario.case", kind.case, "a subclass of scenarios.case.Case")
    if missing := sorted(getattr(kind.case, "__abstractmethods__", ())):
        raise InputError(source, "scenario.case", kind.case.__name__, f"a class with the methods {', '.join(missing)}")
    if not callable(kind.build):
        raise InputError(source, "scenario.build", kind.build, "a function that makes the case")
    if not isinstance(kind.file_keys, Mapping):
        raise InputError(source, "scenario.file_keys", kind.file_keys, "a mapping of keys to folder and suffix")
    return kind
