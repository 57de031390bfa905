"""What the Mesa models of all markets share: a scenario, a seed, and a step that is a day."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
from mesa import DataCollector, Model

from equilibrium.errors import InfeasibleError, InputError
from equilibrium.markets.base import Market
from scenarios.case import Case
from scenarios.loading import load_scenario
from scenarios.streams import Streams
from sim.columns import Dated
from sim.options import RunOptions

AnyCase = TypeVar("AnyCase", bound=Case[Any])
Result = TypeVar("Result", bound=Dated)

_SEEDS = 2**31
"""Number of seeds from which one is drawn where none is given."""


class DailyModel(Model, Generic[AnyCase, Result]):  # type: ignore[misc]  # Mesa ships no types
    """A market with its agents, day after day.

    A run is a pure function of the scenario and the seed. The model keeps the state of its agents and the last day,
    no history: whoever wants one takes :attr:`last` after every step. A market's own model opens its :attr:`market` and
    says in :meth:`simulate_day` what happens on a day.

    Parameters
    ----------
    case
        The loaded scenario.
    seed
        The run's one seed, a non-negative integer. ``None`` is 0, and with ``collect`` one drawn anew for every model,
        so that replications differ (``mesa.batch_run`` gives ``None``); the column ``seed`` says which.
    days
        Days after which :attr:`running` turns false; ``None`` for as many as the scenario has.
    collect
        Keep the seed and the few numbers of :attr:`reporters` of every day in a ``datacollector``, as
        ``mesa.batch_run`` needs.

    Attributes
    ----------
    case
        The loaded scenario.
    streams
        The run's random streams.
    market
        The market that clears the days.
    day
        Index of the next day; the number of finished days.
    last
        The last finished day, ``None`` before the first step.

    Raises
    ------
    InputError
        When a parameter cannot be used.
    """

    reporters: ClassVar[dict[str, Callable[[Any], float]]] = {}
    market: Market[Any, Any]

    def __init__(self, case: AnyCase, *, seed: int | None, days: int | None, collect: bool) -> None:
        if seed is None:
            seed = secrets.randbelow(_SEEDS) if collect else 0
        self.streams = Streams(self._whole_number("seed", seed, 0))
        super().__init__(rng=self.streams.seed)
        # Not `scenario`: that attribute belongs to Mesa from version 3.5 on.
        self.case = case
        self.days = case.days if days is None else self._whole_number("days", days, 1)
        self.day = 0
        self.last: Result | None = None
        reporters = {"seed": lambda model: model.streams.seed, **self.reporters}
        self.datacollector = DataCollector(model_reporters=reporters) if collect else None

    @classmethod
    def from_options(cls, case: AnyCase, options: RunOptions) -> Self:
        """Open the model of a run; what :func:`sim.run.run_scenario` calls.

        The model's own parameters are given by name: seed, solver, days, certify, on_infeasible, node_limit. A model
        with others has a method of its own.

        Parameters
        ----------
        case
            The loaded scenario.
        options
            How to run it.

        Raises
        ------
        InputError
            When an option cannot be used.
        """
        names = ("seed", "solver", "days", "certify", "on_infeasible", "node_limit")
        own: dict[str, Any] = {name: getattr(options, name) for name in names}
        return cls(case, **own)

    def step(self) -> None:
        """Simulate one day: the agents observe and offer, the market clears, the agents settle and learn.

        Raises
        ------
        InfeasibleError
            When no dispatch serves the day and shortages are not priced; the reasons name the day. The agents have
            then seen the day but not settled it: the run ends here.
        """
        self.last = self.simulate_day()
        self.day += 1
        self.running = self.days is None or self.day < self.days
        if self.datacollector is not None:
            self.datacollector.collect(self)

    def simulate_day(self) -> Result:
        """Run through the day number :attr:`day` and return it."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the market; the model takes no further step."""
        self.market.close()

    @classmethod
    def _whole_number(cls, name: str, value: object, minimum: int) -> int:
        """Return a parameter as an int, or raise :class:`InputError`."""
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < minimum:
            raise InputError(cls.__name__, name, value, f"a whole number, at least {minimum}")
        return int(value)


def case_of(scenario: str | Path | Case[Any], kind: type[AnyCase]) -> AnyCase:
    """Return the loaded scenario of the kind that a model needs.

    Parameters
    ----------
    scenario
        Name of a bundled scenario, path of a YAML file, or a loaded scenario.
    kind
        Class of the loaded scenario.

    Raises
    ------
    InputError
        When it cannot be loaded, or is one of another market.
    """
    if isinstance(scenario, kind):
        return scenario
    if isinstance(scenario, Case):
        raise InputError(f"scenario {scenario.name}", "class", type(scenario).__name__, kind.__name__)
    return load_scenario(str(scenario), None, kind)


def day_name(day: Dated) -> str:
    """Return the name of a day for people: its number and its date, if it has one."""
    return f"day {day.index}" + (f" ({day.date})" if day.date else "")


def naming_the_day(day: Dated) -> AbstractContextManager[None]:
    """Let a day that cannot be served say which one it is."""
    return naming(day_name(day))


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Let what cannot be served say what it is."""
    try:
        yield
    except InfeasibleError as error:
        raise InfeasibleError(tuple(f"{name}: {reason}" for reason in error.reasons or (str(error),))) from error
