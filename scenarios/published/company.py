"""The two published studies of the DISCO market (docs/disco.md) as a network and a day.

* ``disco-cvar``: S. M. B. Sadati et al., Energies 10 (2017) 1714: 33 buses, 500 vehicles, CVaR.
* ``disco-dr``: S. M. B. Sadati et al., Bi-level model for operational scheduling of a distribution company that
  supplies electric vehicle parking lots: 15 buses, 100 vehicles, nine programs, four cases, CO2.

Programs, prices, profiles and loads are bundled files of these names, whose YAML says what is published and what is a
substitute. A :class:`DiscoStudy` holds the other numbers; every one of them can be given to the two functions.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.demand_response import ResponseProgram, respond, response_cost
from equilibrium.errors import InputError
from equilibrium.grid.assets import LotSite, RenewableUnit
from equilibrium.grid.feeder import Feeder
from equilibrium.grid.network import Network
from equilibrium.markets.disco.day import DiscoDay, DiscoScenario, Emissions, Tariffs
from scenarios.assembly import read_bus_loads
from scenarios.draws.sampling import Sample, draw_scenarios, forecast_scenario
from scenarios.draws.vehicles import ClippedNormal, FleetSettings, TruncatedNormal, Weibull, as_batch
from scenarios.draws.weather import DAY_FACTOR, Weather
from scenarios.files import DATA, shown
from scenarios.readers.feeders import limited_by_currents, load_feeder
from scenarios.readers.prices import read_prices
from scenarios.readers.profiles import read_profiles
from scenarios.readers.programs import ProgramSet, read_programs

FLEET = FleetSettings(
    battery_kwh=50.0,
    energy_min_share=0.15,
    energy_max_share=0.9,
    wish_share=0.9,
    charge_max_kw=10.0,
    discharge_max_kw=10.0,
    arrival_h=TruncatedNormal(8.0, 3.0, 7.0, 10.0),
    departure_h=TruncatedNormal(20.0, 3.0, 18.0, 24.0),
    arrival_share=TruncatedNormal(0.50, 0.25, 0.30, 0.60),
)
"""Vehicles of both papers (Tables 2 and 3 of disco-cvar, Tables 2 and 4 of disco-dr)."""

WIND_SPEED = Weibull(2.0, 6.5)
IRRADIANCE = Weibull(1.8, 550.0)
"""Table 1 of disco-cvar, in m/s and (its 5.5 is in units of 100 W/m2) W/m2."""

CASES = (1, 2, 3, 4)
"""Vehicles only charge in 1 and 2; there are no renewable units in 1 and 3."""


@dataclass(frozen=True, eq=False)
class DiscoStudy:
    """The numbers of one study; docs/disco.md says which are published.

    Attributes
    ----------
    data
        Name of the bundled prices, profiles and loads.
    programs
        Name of a bundled set of programs, or the user's own file; it has the period ``peak``.
    feeder, lot_bus, pv_bus, wind_bus
        Bundled feeder and labels of its buses.
    case
        One of :data:`CASES`.
    vehicles, fleet, draws
        Vehicles in the lot, their kind, and ``independent`` or ``fleet``.
    scenarios, samples, seed
        Scenarios that are kept of how many samples, and the seed.
    forecast
        One scenario with what is expected instead: the risk-seeking company.
    pv_kw, wind_kw
        Ratings.
    renewable_factor
        On both profiles, before the draw.
    factor
        Distribution of a day's factor on a profile.
    weather
        ``profile``, or ``weibull`` for hourly draws through the turbine and the panel.
    participation, contracted_share
        Of demand response; ``None`` is what the programs' file says.
    penalty_sign
        Of :func:`equilibrium.demand_response.response_cost`.
    price_factor
        On the upstream price.
    driver_share
        Of the lot's income from vehicle-to-grid.
    driver_margin_usd_per_mwh
        What drivers pay more than the lot pays.
    degradation_usd_per_mwh
        C^cd, per MWh discharged.
    critical_lot_tariff
        Whether the lot's tariffs have the critical hours of CPP too.
    windows
        Charging outside the peak period and discharging inside it in the modes with windows; ``False`` opens both.
    peak
        The program period that is meant.
    voltage_min_pu, voltage_max_pu, impedance_factor
        Band of every bus, and a factor on the feeder's impedances.
    current_max_a, trunk_current_max_a, trunk
        Limit of the branches, and of those that feed the buses of the trunk.
    baseline_kwh
        Energy bought in the baseline of the CO2 term, shape ``(24,)``; ``None`` leaves the term out.
    emission_factor_kg_per_mwh, emission_price_usd_per_kg, emission_share
        The CO2 term; the factor holds in the peak period.
    """

    data: str
    programs: str
    feeder: str
    lot_bus: str
    pv_bus: str
    wind_bus: str
    vehicles: int
    scenarios: int
    pv_kw: float
    wind_kw: float
    driver_share: float
    voltage_min_pu: float
    voltage_max_pu: float
    current_max_a: float
    case: int = 4
    fleet: FleetSettings = FLEET
    draws: str = "independent"
    samples: int = 1000
    seed: int = 0
    forecast: bool = False
    renewable_factor: float = 1.0
    factor: ClippedNormal = DAY_FACTOR
    weather: str = "profile"
    participation: float | None = None
    contracted_share: float | None = None
    penalty_sign: float = 1.0
    price_factor: float = 1.0
    driver_margin_usd_per_mwh: float = 0.0
    degradation_usd_per_mwh: float = 30.0
    critical_lot_tariff: bool = True
    windows: bool = True
    peak: str = "on-peak"
    impedance_factor: float = 1.0
    trunk_current_max_a: float = math.inf
    trunk: tuple[str, ...] = ()
    baseline_kwh: FloatArray | None = None
    emission_factor_kg_per_mwh: float = 985.0
    emission_price_usd_per_kg: float = 0.01
    emission_share: float = 0.5

    def __post_init__(self) -> None:
        at_least_zero = ("vehicles", "pv_kw", "wind_kw", "renewable_factor", "price_factor", "degradation_usd_per_mwh")
        for name in (*at_least_zero, "emission_factor_kg_per_mwh", "emission_price_usd_per_kg"):
            if not (getattr(self, name) >= 0 and math.isfinite(getattr(self, name))):
                raise InputError(self.data, name, getattr(self, name), "a number >= 0")
        for name in ("vehicles", "scenarios", "samples", "seed"):
            if getattr(self, name) != int(getattr(self, name)):
                raise InputError(self.data, name, getattr(self, name), "a whole number")
        for name in ("driver_share", "participation", "contracted_share", "emission_share"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise InputError(self.data, name, value, "a share, 0 to 1")
        if self.case not in CASES:
            raise InputError(self.data, "case", self.case, "1, 2, 3 or 4")
        if self.weather not in {"profile", "weibull"}:
            raise InputError(self.data, "weather", self.weather, "profile or weibull")
        for name in ("impedance_factor", "current_max_a", "trunk_current_max_a"):
            if not getattr(self, name) > 0:
                raise InputError(self.data, name, getattr(self, name), "a number > 0")

    def network(self) -> Network:
        """Return the feeder with the lot and, in cases 2 and 4, the renewable units (wind, then sun)."""
        base = load_feeder(self.feeder, voltage_min_pu=self.voltage_min_pu, voltage_max_pu=self.voltage_max_pu)
        feeder = limited_by_currents(
            base,
            self.current_max_a,
            trunk=self.trunk,
            trunk_current_max_a=self.trunk_current_max_a,
            impedance_factor=self.impedance_factor,
        )
        units = (
            RenewableUnit("wind", feeder.index(self.wind_bus), self.wind_kw, "wind"),
            RenewableUnit("pv", feeder.index(self.pv_bus), self.pv_kw, "pv"),
        )
        lot = LotSite("lot", feeder.index(self.lot_bus), efficiency=0.90, discharge_efficiency=0.95)
        return Network(feeder, renewables=units if self.case in {2, 4} else (), lots=(lot,), name=self.data)

    def upstream_price(self) -> FloatArray:
        """Return the price at the substation, USD/kWh, shape ``(24,)``."""
        price: FloatArray = self.price_factor * read_prices(DATA / "prices" / f"{self.data}.csv").price[0]
        return price

    def load(self, feeder: Feeder) -> tuple[FloatArray, FloatArray]:
        """Return the load before demand response, kW and kvar, each of shape ``(24, buses)``."""
        path = DATA / "profiles" / f"{self.data}.csv"
        return read_bus_loads(DATA / "loads" / f"{self.data}.csv", read_profiles(path), shown(path), feeder)

    def weather_and_fleet(self) -> tuple[Weather, FleetSettings]:
        """Return the distributions of weather and vehicles."""
        profiles = read_profiles(DATA / "profiles" / f"{self.data}.csv")
        drawn = self.weather == "weibull"
        weather = Weather(
            wind_pu=tuple((self.renewable_factor * profiles["wind"]).tolist()),
            pv_pu=tuple((self.renewable_factor * profiles["pv"]).tolist()),
            factor=self.factor,
            wind_speed=WIND_SPEED if drawn else None,
            irradiance=IRRADIANCE if drawn else None,
        )
        return weather, dataclasses.replace(self.fleet, draws=self.draws)

    def outcomes(self) -> tuple[Sample, ...]:
        """Return the scenarios per unit; cases, programs and ratings do not change them."""
        weather, fleet = self.weather_and_fleet()
        if self.forecast:
            return (forecast_scenario(weather, fleet, self.vehicles),)
        return draw_scenarios(
            weather, fleet, self.vehicles, scenarios=self.scenarios, samples=self.samples, seed=self.seed
        )

    def day(self, program: str, network: Network) -> DiscoDay:
        """Return the day under one program."""
        programs, price = read_programs(self.programs), self.upstream_price()
        chosen = programs.program(program, price)
        if self.contracted_share is not None:
            chosen = dataclasses.replace(chosen, contracted_share=self.contracted_share)
        participation = programs.participation if self.participation is None else self.participation
        before_kw, before_kvar = self.load(network.feeder)
        load_kw, load_kvar = (
            respond(load, programs.base_tariff, chosen, programs.elasticity, participation)
            for load in (before_kw, before_kvar)
        )
        peak = programs.hours(self.peak)
        always = np.ones_like(peak)
        return DiscoDay(
            load_kw=load_kw,
            load_kvar=load_kvar,
            response_cost=response_cost(before_kw, load_kw, chosen, penalty_sign=self.penalty_sign),
            tariffs=self._tariffs(chosen, programs, price),
            scenarios=tuple(self._scenario(outcome, price) for outcome in self.outcomes()),
            charge_window=~peak if self.windows else always,
            discharge_window=peak if self.windows else always,
            emissions=self._emissions(peak.astype(np.float64)),
        )

    def _tariffs(self, chosen: ResponseProgram, programs: ProgramSet, price: FloatArray) -> Tariffs:
        lot = programs.program(chosen.name, price, critical=self.critical_lot_tariff).tariff
        return Tariffs(
            load=chosen.tariff,
            lot_buys=lot,
            lot_sells=lot,
            driver_pays=lot + self.driver_margin_usd_per_mwh / 1000.0,
            driver_share=self.driver_share,
            degradation=self.degradation_usd_per_mwh / 1000.0,
        )

    def _scenario(self, outcome: Sample, price: FloatArray) -> DiscoScenario:
        wind, sun = self.wind_kw * outcome.wind_pu, self.pv_kw * outcome.pv_pu
        batch = as_batch(self.fleet, outcome.stays)
        if self.case in {1, 2}:
            batch = dataclasses.replace(batch, discharge_max_kw=np.zeros(batch.size))
        return DiscoScenario(
            probability=outcome.probability,
            renewable_kw=np.column_stack([wind, sun])[:, : 2 if self.case in {2, 4} else 0],
            upstream_price=price,
            vehicles=(batch,),
        )

    def _emissions(self, peak: FloatArray) -> Emissions | None:
        if self.baseline_kwh is None:
            return None
        if self.baseline_kwh.shape != peak.shape:
            raise InputError(
                self.data, "baseline_kwh", self.baseline_kwh.shape, f"one value for each of {peak.size} hours"
            )
        factor = self.emission_factor_kg_per_mwh / 1000.0 * peak
        return Emissions(factor, self.emission_price_usd_per_kg, self.emission_share, self.baseline_kwh)


DISCO_CVAR = DiscoStudy(
    data="disco-cvar",
    programs="disco-cvar",
    feeder="ieee33",
    lot_bus="11",
    pv_bus="14",
    wind_bus="16",
    vehicles=500,
    scenarios=10,
    pv_kw=500.0,
    wind_kw=500.0,
    driver_share=0.7,
    voltage_min_pu=0.90,
    voltage_max_pu=1.10,
    current_max_a=200.0,
    trunk_current_max_a=400.0,
    trunk=("2", "3", "4", "5", "6"),
    factor=ClippedNormal(1.0, 0.05, 0.3, 1.6),
    contracted_share=0.43,
    penalty_sign=-1.0,
)
"""Energies 10 (2017) 1714. The spread of the weather, the contract and the sign of the penalty are fitted to its
Table 6 (docs/disco.md)."""

DISCO_DR = DiscoStudy(
    data="disco-dr",
    programs="disco-dr",
    feeder="das15",
    lot_bus="9",
    pv_bus="9",
    wind_bus="9",
    vehicles=100,
    scenarios=20,
    pv_kw=200.0,
    wind_kw=200.0,
    renewable_factor=1.25,
    driver_share=0.5,
    voltage_min_pu=0.95,
    voltage_max_pu=1.05,
    impedance_factor=0.69,
    current_max_a=150.0,
)
"""Bi-level model for operational scheduling of a distribution company that supplies electric vehicle parking lots."""


def disco_cvar_case(program: str = "tou", **options: Any) -> tuple[Network, DiscoDay]:  # noqa: ANN401
    """Return network and day of the study with 33 buses and 500 vehicles.

    Parameters
    ----------
    program
        ``flat``, ``tou``, ``cap`` or ``tou+cap``.
    **options
        Any attribute of :class:`DiscoStudy` in place of the study's own number, e.g. ``vehicles=100, scenarios=5``.

    Raises
    ------
    InputError
        For an unknown program or option, or a number that cannot be used.
    """
    return _built(DISCO_CVAR, program, options)


def disco_dr_case(program: str = "flat", case: int = 4, **options: Any) -> tuple[Network, DiscoDay]:  # noqa: ANN401
    """Return network and day of the study with 15 buses and 100 vehicles.

    Parameters
    ----------
    program
        ``flat``, ``tou``, ``rtp``, ``cpp``, ``tou+cpp``, ``edrp``, ``cap``, ``ic``, ``tou+edrp`` or ``tou+cap``.
    case
        1: no renewable units, vehicles only charge; 2: renewable units; 3: vehicle-to-grid; 4: both.
    **options
        As for :func:`disco_cvar_case`.

    Raises
    ------
    InputError
        For an unknown program, case or option, or a number that cannot be used.
    """
    return _built(DISCO_DR, program, {"case": case, **options})


def _built(study: DiscoStudy, program: str, options: dict[str, Any]) -> tuple[Network, DiscoDay]:
    known = [item.name for item in dataclasses.fields(study)]
    for name in options:
        if name not in known:
            raise InputError(study.data, "option", name, f"one of {', '.join(known)}")
    chosen = dataclasses.replace(study, **options)
    network = chosen.network()
    return network, chosen.day(program, network)
