"""A scenario of several aggregators: for each of them a scenario of its own, with one upstream market for all."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from equilibrium.grid.feeder import Feeder
from equilibrium.markets.aggregator.rivals.market import RivalsMarket
from scenarios.assembly import build_rated_feeder, bus_index, check_party, check_powers, retail_load, time_notes
from scenarios.case import Case, Contents, ScenarioKind
from scenarios.files import Document
from scenarios.markets.aggregator.case import PER_MWH, AggregatorCase
from scenarios.markets.aggregator.day import AggregatorInputs
from scenarios.markets.aggregator.rivals.schema import RivalSection, RivalsFile
from scenarios.markets.aggregator.schema import FILE_KEYS, AggregatorFile, AggregatorMarketSection
from scenarios.readers.prices import PriceSeries
from scenarios.streams import Streams
from scenarios.time_axis import TimeAxis


@dataclass(frozen=True, eq=False)
class RivalsInputs:
    """What one day brings: to each aggregator the same upstream prices (plus its adder), and its part of the load."""

    parts: tuple[AggregatorInputs, ...]

    @property
    def index(self) -> int:
        """Day of the run, 0 first."""
        return self.parts[0].index

    @property
    def date(self) -> dt.date | None:
        """Calendar date of the price series' day, or ``None`` for a typical day."""
        return self.parts[0].date

    @property
    def axis(self) -> TimeAxis:
        """Its periods."""
        return self.parts[0].axis


@dataclass(frozen=True, eq=False)
class RivalsCase(Case[RivalsInputs]):
    """A checked scenario of several aggregators with all its data read.

    Attributes
    ----------
    name, file, prices, notes, paths
        As in :class:`scenarios.case.Case`.
    parts
        The scenario of each aggregator.
    """

    file: RivalsFile
    parts: tuple[AggregatorCase, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The aggregators' names."""
        return tuple(each.name for each in self.file.aggregators)

    @property
    def wheeling(self) -> float:
        """Fee for trade with another aggregator than one's own, currency/kWh; infinite where there is none."""
        rules = self.file.market
        return np.inf if rules.trade == "own" else PER_MWH * rules.wheeling_per_mwh

    def contents(self) -> Contents:
        """Return what the scenario was made from, besides its prices."""
        return Contents(self.parts[0].feeder, np.sum([part.base_load_kw for part in self.parts], axis=0))

    def day(self, index: int, streams: Streams) -> RivalsInputs:
        """Return one day: a pure function of the scenario, the seed and the index.

        Parameters
        ----------
        index
            Day of the run, 0 first.
        streams
            The run's random streams; ``reserve`` and those of the loads and the prices are used, the same
            for all aggregators.

        Raises
        ------
        InputError
            When the prices have ended and ``after_end`` is ``stop``.
        """
        return RivalsInputs(tuple(part.day(index, streams) for part in self.parts))

    def market(
        self,
        *,
        solver: str = "auto",
        certify: str = "standard",
        on_infeasible: str | None = None,
        node_limit: int | None = None,
    ) -> RivalsMarket:
        """Open the market; see :meth:`scenarios.case.Case.market`."""
        self.parts[0].market(solver=solver, certify=certify, on_infeasible=on_infeasible)  # refuses what it has not got
        rules = self.file.market
        limit = rules.node_limit if node_limit is None else node_limit
        return RivalsMarket(starts=rules.starts, gap=rules.gap, node_limit=limit, solver=solver)


def build_rivals(
    name: str, file: RivalsFile, document: Document, prices: PriceSeries, paths: tuple[Path, ...]
) -> RivalsCase:
    """Read everything that a file of several aggregators names.

    Parameters
    ----------
    name
        Name of the scenario.
    file, document
        The checked keys, and their lines for complaints.
    prices
        The upstream prices.
    paths
        Files that were read already.

    Raises
    ------
    InputError
        For the first thing that cannot be used, with file, line or key, value and what was expected.
    """
    grid = build_rated_feeder(file.feeder, document)
    feeder = grid.feeder
    _check_names(file, document)
    load_kw, load_paths = retail_load(file, grid, document)
    every = (*paths, *grid.paths, *load_paths)
    notes = (*grid.notes, *time_notes(file, len(load_kw)))
    parts = []
    for number, section in enumerate(file.aggregators):
        check_powers({"lots": section.lots, "generators": section.generators}, feeder.base_kv, document)
        lots, units = _buses(section, number, feeder, document)
        parts.append(
            AggregatorCase(
                name=f"{name}, {section.name}",
                file=_own_file(file, section),
                prices=prices,
                notes=notes,
                paths=every,
                feeder=feeder,
                lot_bus=lots,
                generator_bus=units,
                base_load_kw=section.load_share * load_kw,
            )
        )
    return RivalsCase(name=name, file=file, prices=prices, notes=notes, paths=every, parts=tuple(parts))


def _check_names(file: RivalsFile, document: Document) -> None:
    """Everybody has a name of its own, whoever's it is."""
    used: dict[str, str] = {}
    for number, section in enumerate(file.aggregators):
        places: list[tuple[tuple[str | int, ...], str]] = [(("aggregators", number, "name"), section.name)]
        for key in ("lots", "generators"):
            units = getattr(section, key)
            places += [(("aggregators", number, key, k, "name"), unit.name) for k, unit in enumerate(units)]
        for keys, name in places:
            check_party(keys, name, document)
            if name in used:
                raise document.error(keys, name, f"a name of its own ({used[name]} has it too)")
            used[name] = ".".join(str(key) for key in keys[:-1])


def _buses(
    section: RivalSection, number: int, feeder: Feeder, document: Document
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the buses of lots and generators; nothing is computed on the feeder, but what stands there exists."""
    lots, units = (
        tuple(
            bus_index(feeder, unit.bus, document, ("aggregators", number, key, k, "bus"))
            for k, unit in enumerate(getattr(section, key))
        )
        for key in ("lots", "generators")
    )
    return lots, units


def _own_file(file: RivalsFile, section: RivalSection) -> AggregatorFile:
    """Return the keys of one aggregator as a scenario of one; every section has been checked already."""
    rules = file.market
    shared = (
        "pricing",
        "cap_per_mwh",
        "uniform_cap_per_mwh",
        "reserve_cap_per_mwh",
        "call_probability",
        "failure_rate",
    )
    market = AggregatorMarketSection.model_construct(
        kind="aggregator",
        network=False,
        gap=rules.gap,
        node_limit=rules.node_limit,
        segments=1,
        transformer_efficiency=1.0,
        lots="pools",
        reading=rules.reading,
        **{name: getattr(rules, name) for name in shared},
    )
    adder = file.upstream.adder_per_mwh + section.adder_per_mwh
    return AggregatorFile.model_construct(
        title=file.title,
        currency=file.currency,
        time=file.time,
        prices=file.prices,
        feeder=file.feeder,
        loads=file.loads,
        market=market,
        upstream=file.upstream.model_copy(update={"adder_per_mwh": adder}),
        aggregator=section.belief,
        lots=section.lots,
        generators=section.generators,
        retailer=section.retailer,
        drivers=file.drivers,
        scenarios=file.scenarios,
    )


KIND = ScenarioKind(name="aggregators", schema=RivalsFile, case=RivalsCase, build=build_rivals, file_keys=FILE_KEYS)
