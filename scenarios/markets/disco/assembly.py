"""From the checked keys of a DISCO market's file to network, programs, elasticity, vehicles and weather."""

from __future__ import annotations

from equilibrium.arrays import FloatArray
from equilibrium.demand_response import Elasticity
from equilibrium.grid.assets import LotSite, RenewableUnit
from equilibrium.grid.network import Network
from scenarios.assembly import GridData, build_rated_feeder, bus_index, check_names, check_powers
from scenarios.draws.vehicles import ClippedNormal, Weibull
from scenarios.draws.weather import Weather
from scenarios.files import Document
from scenarios.markets.disco.schema import DiscoFile
from scenarios.readers.programs import ProgramSet, read_programs


def build_network(name: str, file: DiscoFile, document: Document) -> tuple[Network, GridData]:
    """Read the feeder and place units and lots."""
    grid = build_rated_feeder(file.feeder, document)
    feeder = grid.feeder
    check_names({"renewables": file.renewables, "lots": file.lots}, document)
    check_powers({"renewables": file.renewables}, feeder.base_kv, document)
    network = Network(
        feeder=feeder,
        renewables=tuple(
            RenewableUnit(
                unit.name, bus_index(feeder, unit.bus, document, ("renewables", k, "bus")), unit.rated_kw, unit.kind
            )
            for k, unit in enumerate(file.renewables)
        ),
        lots=tuple(
            LotSite(
                lot.name,
                bus_index(feeder, lot.bus, document, ("lots", k, "bus")),
                lot.efficiency,
                discharge_efficiency=lot.discharge_efficiency,
            )
            for k, lot in enumerate(file.lots)
        ),
        name=name,
    )
    return network, grid


def build_programs(file: DiscoFile, document: Document) -> ProgramSet:
    """Read the set of programs and check every name of a program or period in the file."""
    programs = read_programs(file.retailer.programs.set)
    if programs.currency != file.currency:
        expected = f"programs in {file.currency}, the file's currency (they are in {programs.currency})"
        raise document.error(("retailer", "programs", "set"), file.retailer.programs.set, expected)
    offered = file.retailer.programs.offered
    for k, name in enumerate(offered):
        if name not in programs.names or name in offered[:k]:
            expected = f"one of {', '.join(programs.names)}, each once"
            raise document.error(("retailer", "programs", "offered", k), name, expected)
    if file.retailer.learning.rule == "roth-erev":
        try:
            file.retailer.learning.check_grid("offered", offered or programs.names)
        except ValueError as error:
            raise document.error(("retailer", "learning", "rule"), "roth-erev", str(error)) from None
    known = dict.fromkeys(programs.period_of_hour)
    named = [
        (("market", key, k), name)
        for key in ("charge_periods", "discharge_periods")
        for k, name in enumerate(getattr(file.market, key))
    ]
    if file.emissions is not None:
        named += [(("emissions", "periods", k), name) for k, name in enumerate(file.emissions.periods)]
    for keys, name in named:
        if name not in known:
            raise document.error(keys, name, f"one of the periods {', '.join(known)}")
    for k, name in enumerate(file.market.discharge_periods):
        if name in file.market.charge_periods:
            raise document.error(("market", "discharge_periods", k), name, "a period that is not in charge_periods")
    return programs


def true_elasticity(file: DiscoFile, programs: ProgramSet, document: Document) -> Elasticity:
    """Return the elasticity of the file, or that of the set of programs."""
    given = file.customers.elasticity
    if given is None:
        return programs.elasticity
    periods = dict.fromkeys(programs.period_of_hour)
    values = {}
    for first, row in given.items():
        for second, value in row.items():
            for name in (first, second):
                if name not in periods:
                    where = ("customers", "elasticity", first)
                    raise document.error(where, name, f"one of the periods {', '.join(periods)}")
            values[first, second] = value
    for first in periods:
        for second in periods:
            if (first, second) not in values and (second, first) not in values:
                raise document.error(("customers", "elasticity"), None, f"a value for {first} and {second}")
    return Elasticity.blocks(programs.period_of_hour, values)


def build_weather(file: DiscoFile, profiles: dict[str, FloatArray], document: Document) -> Weather:
    """Return the potentials of one kW of wind and of sun."""
    rules = file.weather
    for name in ("wind", "pv"):
        if name not in profiles:
            expected = f"a file with the columns pv_pu and wind_pu (it has {', '.join(profiles)})"
            raise document.error(("loads", "profiles"), file.loads.profiles, expected)
    wind, sun = rules.wind_speed_m_per_s, rules.irradiance_w_per_m2
    return Weather(
        wind_pu=tuple((rules.scale * profiles["wind"]).tolist()),
        pv_pu=tuple((rules.scale * profiles["pv"]).tolist()),
        factor=ClippedNormal(rules.factor.mean, rules.factor.sd, rules.factor.min, rules.factor.max),
        wind_speed=None if wind is None else Weibull(wind.shape, wind.scale),
        irradiance=None if sun is None else Weibull(sun.shape, sun.scale),
    )
