"""A scenario day by day, as rows and without a folder: what a run writes down, and what a study needs."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from equilibrium.errors import InputError
from equilibrium.markets.ruled import MarketRule, RuledMarket
from scenarios.case import Case
from sim.columns import Columns, Dated
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
    """
    kind = kind_of(case)
    yield from finished_days(kind, opened(kind, case, options, model, rule), options.days)


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


def finished_days(
    kind: MarketKind[Any, Any], model: DailyModel[Any, Any], days: int
) -> Generator[SimulatedDay, None, None]:
    """Step through the days of a model, which is closed in the end.

    Parameters
    ----------
    kind
        Whose tables are filled.
    model
        The opened model.
    days
        How many days.
    """
    try:
        for _ in range(days):
            model.step()
            result = model.last
            assert result is not None
            rows = {table.name: table.of(result) for table in kind.tables}
            yield SimulatedDay(result, {name: columns for name, columns in rows.items() if columns is not None})
    finally:
        model.close()
