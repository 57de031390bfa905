"""The markets of this floor: which keys their files have, and what is loaded from them.

A new market is one line in :data:`KINDS`, or an entry point of the group :data:`GROUP` in another distribution, which
names an object with the attributes ``scenario`` (a :class:`~scenarios.case.ScenarioKind`) and ``market`` (what
:mod:`sim.kinds` takes). A market of ours is imported when it is first asked for, so that a run waits for its own alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar, get_args

from equilibrium.errors import InputError
from scenarios.case import Case, ScenarioKind
from scenarios.schema import CaseFile, MarketSection

KINDS: Mapping[str, str] = {
    "lots-lead": "scenarios.markets.lots_lead.case",
    "nodal": "scenarios.markets.nodal.case",
    "disco": "scenarios.markets.disco.case",
    "aggregator": "scenarios.markets.aggregator.case",
    "aggregators": "scenarios.markets.aggregator.rivals.case",
    "two-settlement": "scenarios.markets.two_settlement.case",
}
"""The module of each of our markets, whose ``KIND`` is its :class:`~scenarios.case.ScenarioKind`."""

DEFAULT = "lots-lead"
"""The market of a file that states none."""

GROUP = "equilot.markets"

Kind = TypeVar("Kind")


class Kinds(Mapping[str, Kind]):
    """The kinds of a floor by name: ours, each imported when it is asked for, then those of other distributions.

    Parameters
    ----------
    ours
        The module of each of our markets; its ``KIND`` is the market's.
    part
        Attribute of an entry point's object that holds its kind for this list.
    check
        Called with where a kind comes from and with the kind; returns it or raises :class:`InputError`.

    Raises
    ------
    InputError
        When the kind of another distribution lacks a part, or two have one name.
    """

    def __init__(self, ours: Mapping[str, str], part: str, check: Callable[[str, object], Kind]) -> None:
        self._ours, self._check = ours, check
        self._found: dict[str, Kind] = {}
        origin = dict.fromkeys(ours, "equilot")
        for source, plugin in plugins():
            kind = check(source, getattr(plugin, part, None))
            name: str = getattr(kind, "name", "")
            if name in origin:
                raise InputError(source, "name", name, f"a name of its own: {origin[name]} has it already")
            origin[name], self._found[name] = source, kind
        self._names = tuple(origin)

    def __getitem__(self, name: str) -> Kind:
        """Return a kind; one of ours is imported and checked at the first time."""
        if name not in self._found:
            self._found[name] = self._check("equilot", import_module(self._ours[name]).KIND)
        return self._found[name]

    def __contains__(self, name: object) -> bool:
        """Whether there is such a market; none is imported."""
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        """Go through the names."""
        return iter(self._names)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._names)


@cache
def scenario_kinds() -> Mapping[str, ScenarioKind[Any]]:
    """Return the kinds of all markets that are installed, by name: :data:`KINDS`, then those of entry points.

    Raises
    ------
    InputError
        When a kind lacks a part, or two have one name.
    """
    return Kinds(KINDS, "scenario", check_scenario_kind)


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
