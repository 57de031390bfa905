"""A scenario day by day, as rows and without a folder: what a run writes down, and what a study needs."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from equilibrium.errors import InputError
from equilibrium.markets.ruled import MarketRule, RuledMarket
from scenarios.case import Case
from sim.checks import CHECKS, LEVELS, Clear, check_day
from sim.columns import Columns, Dated, Table
from sim.daily_model import DailyModel
from sim.kinds import market_kinds
from sim.markets.base import MarketKind
from sim.options import RunOptions

_ALLOWED: dict[str, tuple[object, ...]] = {
    "on_infeasible": (None, "stop"),
    "ac": (False,),
    "certify": ("standard",),
    "node_limit": (None,),
    "yardstick": (False,),
    "sessions": (None,),
}
"""Values of options that ask for nothing, so that every market has them."""


@dataclass(frozen=True, eq=False)
class SimulatedDay:
    """A finished day.

    Attributes
    ----------
    result
        All that the day left behind, as the market's model returns it.
    tables
        The rows that it adds to the tables of a run; a table to which it adds none may be missing.
    """

    result: Dated
    tables: Mapping[str, Columns]


def kind_of(case: Case[Any]) -> MarketKind[Any, Any]:
    """Return the kind of a scenario's market."""
    return market_kinds()[case.file.market.kind]


Opener = Callable[[Any, RunOptions], DailyModel[Any, Any]]
"""Opens the model of a run: called with the loaded scenario and the options."""


def simulate(
    case: Case[Any],
    options: RunOptions,
    *,
    model: Opener | None = None,
    rule: MarketRule[Any, Any] | None = None,
) -> Iterator[SimulatedDay]:
    """Run a scenario day by day.

    Parameters
    ----------
    case
        What to run.
    options
        How to run it.
    model, rule
        As in :func:`sim.run.run_scenario`.

    Yields
    ------
    SimulatedDay
        Every finished day.

    Raises
    ------
    InputError
        When an option cannot be used.
    InfeasibleError
        When a day, or what comes before the first one, cannot be served.
    SolverError
        When a solver ends without an answer.

    Examples
    --------
    >>> from scenarios.loading import load_scenario
    >>> case = load_scenario("epec-lots-33-case1")
    >>> [day.tables["days"]["certified"] for day in simulate(case, RunOptions(days=2))]
    [[True], [True]]
    """
    kind = kind_of(case)
    running = opened(kind, case, options, model, rule)
    checking = Checking(options.check, clear_by(case, options))
    yield from finished_days(kind, tables_of(kind, case, options), running, options.days, checking)


def opened(
    kind: MarketKind[Any, Any],
    case: Case[Any],
    options: RunOptions,
    model: Opener | None = None,
    rule: MarketRule[Any, Any] | None = None,
) -> DailyModel[Any, Any]:
    """Return the model of a scenario; what is wrong with the options is said before anything is done.

    Parameters
    ----------
    kind
        The kind of the scenario's market.
    case, options
        What to run, and how.
    model
        Opens the model in the place of the market's own.
    rule
        A rule under which the market of the model clears.

    Raises
    ------
    InputError
        When an option cannot be used.
    InfeasibleError
        When what comes before the first day cannot be served.
    """
    if options.days < 1:
        raise InputError("run", "days", options.days, "a whole number, at least 1")
    if case.days is not None and options.days > case.days:
        raise InputError("run", "days", options.days, f"at most {case.days}, where the prices end")
    if options.check not in LEVELS:
        raise InputError("run", "check", options.check, f"one of {', '.join(LEVELS)}")
    if options.check == LEVELS[2] and rule is not None:
        raise InputError(
            "run", "check", options.check, "off or cheap under a rule of one's own, which is not cleared again"
        )
    for option in ("on_infeasible", "ac", "certify", "node_limit", "yardstick"):
        check_option(kind, option, getattr(options, option), f"scenario {case.name}", option)
    opened_model = (model or kind.model)(case, options)
    if not isinstance(opened_model, DailyModel):
        raise InputError("run", "model", model, "what opens a sim.daily_model.DailyModel")
    if rule is not None:
        opened_model.market = RuledMarket(opened_model.market, rule)
    return opened_model


def check_option(kind: MarketKind[Any, Any], option: str, value: object, source: str, where: str) -> None:
    """Raise :class:`InputError` when a market refuses a value of an option; ``source`` and ``where`` are for it."""
    if option in kind.refuses and value not in _ALLOWED[option]:
        raise InputError(source, where, value, kind.refuses[option])


@dataclass(frozen=True)
class Checking:
    """How the clearings of finished days are checked.

    Attributes
    ----------
    level
        One of :data:`sim.checks.LEVELS`.
    clear
        Clears other forms of a day.
    """

    level: str
    clear: Clear


def clear_by(case: Case[Any], options: RunOptions) -> Clear:
    """Return what clears a day on a network by a market with the rules of a scenario."""
    limit = {} if options.node_limit is None else {"node_limit": options.node_limit}

    def clear(network: object, day: object) -> object:
        other: Any = case.on(network)
        market = other.market(solver=options.solver, on_infeasible=options.on_infeasible, **limit)
        try:
            return market.clear(day)
        finally:
            market.close()

    return clear


def tables_of(kind: MarketKind[Any, Any], case: Case[Any], options: RunOptions) -> tuple[Table[Any, Any], ...]:
    """Return the tables of a run, those of its market and that of its checks, with the columns that it can fill."""
    tables = kind.tables if options.check == LEVELS[0] else (*kind.tables, CHECKS)
    return tuple(table.of_run(case, options) for table in tables)


def finished_days(
    kind: MarketKind[Any, Any],
    tables: Sequence[Table[Any, Any]],
    model: DailyModel[Any, Any],
    days: int,
    checking: Checking,
) -> Generator[SimulatedDay, None, None]:
    """Step through the days of a model, which is closed in the end.

    Parameters
    ----------
    kind
        The kind of the market.
    tables
        The tables that are filled.
    model
        The opened model.
    days
        How many days.
    checking
        How they are checked.
    """
    try:
        for _ in range(days):
            model.step()
            result = model.last
            assert result is not None
            sources: dict[str, Any] = {}
            if checking.level != LEVELS[0]:
                sources[CHECKS.name] = check_day(result, kind.clearings(result), checking.level, checking.clear)
            rows = {table.name: table.of(sources.get(table.name, result)) for table in tables}
            yield SimulatedDay(result, {name: columns for name, columns in rows.items() if columns is not None})
    finally:
        model.close()
