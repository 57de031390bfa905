"""What every loaded scenario has, whatever its market, and how a kind of market gives its own to the list."""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from equilibrium.grid.feeder import Feeder
from equilibrium.markets.base import Market
from scenarios.agent_order import as_listed
from scenarios.checking import money_keys
from scenarios.files import Document, sha256, shown
from scenarios.readers.prices import PriceSeries
from scenarios.readers.sessions import SessionLog
from scenarios.schema import CaseFile, FileKeys
from scenarios.streams import Streams
from scenarios.time_axis import WEEK, TimeAxis, day_axis

Inputs = TypeVar("Inputs")
File = TypeVar("File", bound=CaseFile)


@dataclass(frozen=True, eq=False)
class Contents:
    """What a scenario was made from, for those who look at it before it runs.

    Attributes
    ----------
    feeder
        The feeder, or ``None``.
    load_kw
        Expected load of all buses less the generation of the grid's file, in equal steps of the clock, kW, shape
        ``(steps,)``, or ``None``.
    sessions
        The recorded sessions.
    """

    feeder: Feeder | None = None
    load_kw: FloatArray | None = None
    sessions: tuple[SessionLog, ...] = ()


@dataclass(frozen=True, eq=False)
class Case(ABC, Generic[Inputs]):
    """A checked scenario with all its data read.

    ``Inputs`` is what a day of it brings; a market's own case adds what its days are made from.

    Attributes
    ----------
    name
        Name of the bundled file, or of the user's file without its suffix.
    file
        The validated keys, every default filled in.
    prices
        The wholesale prices from the chosen start on.
    notes
        What a reader should know about the input, e.g. how many stays were capped; one sentence each.
    paths
        Every file that was read.
    settings
        Keys that were set by name on top of the file, each with the text of its value.
    """

    name: str
    file: CaseFile
    prices: PriceSeries
    notes: tuple[str, ...]
    paths: tuple[Path, ...]
    settings: Mapping[str, str] = field(default_factory=dict, kw_only=True)

    DRAWING: ClassVar[tuple[str, ...]] = ("day",)
    """Methods that draw: the first argument is a day or its index, the second the random streams."""

    @abstractmethod
    def day(self, index: int, streams: Streams) -> Inputs:
        """Return one day: a pure function of the scenario, the seed and the index.

        Parameters
        ----------
        index
            Day of the run, 0 first.
        streams
            The run's random streams.

        Raises
        ------
        InputError
            When the prices have ended and ``after_end`` is ``stop`` (:meth:`check_day`).
        """

    @abstractmethod
    def market(
        self, *, solver: str = "auto", certify: str = "standard", on_infeasible: str | None = None
    ) -> Market[Any, Any]:
        """Open the market of the scenario.

        Parameters
        ----------
        solver
            ``"auto"``, ``"highs"`` or ``"gurobi"``.
        certify
            ``"standard"``, or ``"full"`` for a second, independent proof of every day.
        on_infeasible
            ``"stop"`` or ``"shed"`` in the place of what the scenario says; ``None`` keeps it.

        Raises
        ------
        InputError
            For an option that the market has not got.
        """

    def on(self, network: object) -> Case[Inputs]:
        """Return the scenario on another network, or on another of what else its market stands on."""
        return replace(self, network=network)  # type: ignore[call-arg]  # of a market with a network

    @property
    def title(self) -> str:
        """One line that says what the scenario is."""
        return self.file.title

    @property
    def currency(self) -> str:
        """Three-letter code of the money."""
        return self.file.currency

    @property
    def days(self) -> int | None:
        """Number of days that can be run: that of the prices with ``after_end: stop``, else ``None`` for any number."""
        return self.prices.days if self.file.prices.after_end == "stop" else None

    def date(self, index: int) -> dt.date | None:
        """Return the calendar date of the prices that a day of the run uses; ``None`` for a typical day."""
        return self.prices.dates[self.prices.row(index)] if self.prices.dates else None

    def axis(self, index: int) -> TimeAxis:
        """Return the periods of a day of the run."""
        return day_axis(self.date(index), self.file.time.zone, self.file.time.step_minutes)

    def typical_axis(self) -> TimeAxis:
        """Return the periods of a day on which the clock is not changed."""
        return day_axis(None, None, self.file.time.step_minutes)

    def start_h(self, index: int) -> float:
        """Return the hours from the start of the run to the midnight at which a day begins."""
        return float(sum(self.axis(earlier).hours for earlier in range(index)))

    def check_day(self, index: int) -> None:
        """Raise :class:`InputError` when the prices have ended by a day of the run and may not repeat."""
        if self.days is not None and index >= self.days:
            raise InputError(self.prices.source, "after_end: stop", f"day {index + 1}", f"at most {self.days} days")

    def notes_of(self, days: int) -> tuple[str, ...]:
        """Return what a reader should know of a run of so many days: the notes, and whether its prices repeat."""
        series = self.prices
        if not series.dates or series.model is not None or days <= series.days:
            return tuple(self.notes)
        whole = series.days - series.days % WEEK if series.days >= WEEK else series.days
        held = f"{series.days} day{'s' * (series.days > 1)}"
        again = "the same" if whole == series.days else f"the first {whole}"
        return (*self.notes, f"prices {Path(series.source).name}: {held}, then {again} again (prices.after_end)")

    def contents(self) -> Contents:
        """Return what the scenario was made from, besides its prices."""
        return Contents()

    def refuse(self, option: str, value: object, expected: str) -> InputError:
        """Return the complaint about an option of :meth:`market` that is not this market's."""
        return InputError(f"scenario {self.name}", option, value, expected)

    def resolved(self) -> dict[str, object]:
        """Return the scenario as plain data with every default filled in; written as YAML it loads again."""
        data = money_keys(self.file.model_dump(mode="json", by_alias=True), self.currency)
        assert isinstance(data, dict)
        return as_listed(data, self.file.agent_order, self.file.agent_lists)

    def input_hashes(self) -> dict[str, str]:
        """Return the SHA-256 of every file that was read, by its name."""
        return {shown(path): sha256(path) for path in self.paths}


@dataclass(frozen=True)
class ScenarioKind(Generic[File]):
    """What a market gives to the list of this floor, :data:`scenarios.kinds.KINDS`.

    Attributes
    ----------
    name
        What ``market.kind`` says.
    schema
        The keys of its files; the schema's ``market.kind`` takes the name.
    case
        The class of its loaded scenarios.
    build
        Makes one of a name, the checked keys, their document (for complaints with file and line), the wholesale prices
        and the files that were read so far.
    file_keys
        Keys that name a bundled data file or the user's own.
    """

    name: str
    schema: type[File]
    case: type[Case[Any]]
    build: Callable[[str, File, Document, PriceSeries, tuple[Path, ...]], Case[Any]]
    file_keys: FileKeys
