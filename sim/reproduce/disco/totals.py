"""What both DISCO reproductions share: cleared days in the totals that the papers print, and two of the tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Concatenate, ParamSpec

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InfeasibleError
from equilibrium.grid.network import Network
from equilibrium.markets.disco.clearing import DiscoClearing, ScenarioClearing
from equilibrium.markets.disco.day import DiscoDay
from equilibrium.markets.disco.market import DiscoMarket
from equilibrium.programs.risk import mean_cvar, tail_weights
from sim.reproduce.closeness import Comparison, ComparisonTable

MWH = 1000.0

Given = ParamSpec("Given")

MODE = "windows"
"""The mode that agrees with what both papers report (docs/disco.md); the others stand beside it."""
EQUILIBRIUM = "windows-strict"
"""The mode whose outcome is an equilibrium of the same data: lots are at their own maximum inside the same windows."""
EQUILIBRIUM_NAME = "equilibrium"
AT_MAXIMUM = 1e-9
"""Relative regret of a lot below which it is at its own maximum."""


@dataclass(frozen=True, eq=False)
class Totals:
    """Totals of one day, a weighted mean over its scenarios. Money in the case's currency, energies in MWh.

    Attributes
    ----------
    profit, lot_profit, lot_maximum
        Of the company and of the lots; and what the lots could earn at most.
    accounts
        Amounts by name, as in :class:`equilibrium.markets.disco.clearing.ScenarioClearing`.
    load_mwh, import_mwh, charge_mwh, discharge_mwh, loss_mwh, renewable_mwh
        Energies.
    import_kw, charge_kw, discharge_kw, renewable_kw, loss_kw
        By period, shape ``(periods,)``; ``renewable_kw`` of shape ``(periods, renewables)``.
    """

    profit: float
    lot_profit: float
    lot_maximum: float
    accounts: dict[str, float]
    load_mwh: float
    import_mwh: float
    charge_mwh: float
    discharge_mwh: float
    loss_mwh: float
    renewable_mwh: float
    import_kw: FloatArray
    charge_kw: FloatArray
    discharge_kw: FloatArray
    renewable_kw: FloatArray
    loss_kw: FloatArray


def weights(clearing: DiscoClearing, attitude: str) -> FloatArray:
    """Return the weight of each scenario in a risk-neutral mean, or in the tail that a risk-averse company looks at."""
    probability = np.array([scenario.probability for scenario in clearing.scenarios])
    if attitude != "averse":
        return probability
    profit = np.array([scenario.company_profit for scenario in clearing.scenarios])
    return tail_weights(profit, probability, clearing.alpha)


def totals(day: DiscoDay, clearing: DiscoClearing, weight: FloatArray) -> Totals:
    """Return the totals of one day, each scenario with its weight (shape ``(scenarios,)``, summing to one)."""
    length_h = day.length_h[:, None] / MWH

    def mean(values: list[FloatArray]) -> FloatArray:
        return np.asarray(np.tensordot(weight, np.stack(values), axes=1), dtype=np.float64)

    scenarios = clearing.scenarios
    imported = mean([s.import_kw for s in scenarios])
    charge = mean([s.lot_charge_kw.sum(axis=1) for s in scenarios])
    discharge = mean([s.lot_discharge_kw.sum(axis=1) for s in scenarios])
    renewable = mean([s.renewable_kw for s in scenarios])
    loss = mean([s.loss_kw.sum(axis=1) for s in scenarios])
    names = scenarios[0].accounts
    return Totals(
        profit=float(weight @ [s.company_profit for s in scenarios]),
        lot_profit=float(weight @ [s.lot_profit.sum() for s in scenarios]),
        lot_maximum=float(weight @ [s.lot_maximum.sum() for s in scenarios]),
        accounts={name: float(weight @ [s.accounts[name] for s in scenarios]) for name in names},
        load_mwh=float((length_h * day.load_kw).sum()),
        import_mwh=float(length_h[:, 0] @ imported),
        charge_mwh=float(length_h[:, 0] @ charge),
        discharge_mwh=float(length_h[:, 0] @ discharge),
        loss_mwh=float(length_h[:, 0] @ loss),
        renewable_mwh=float((length_h * renewable).sum()),
        import_kw=imported,
        charge_kw=charge,
        discharge_kw=discharge,
        renewable_kw=renewable,
        loss_kw=loss,
    )


def shares_mwh(day: DiscoDay, clearing: DiscoClearing, weight: FloatArray) -> dict[tuple[str, str], float]:
    """Return the energy from each source to each use, MWh, by proportional sharing in every period and scenario.

    Sources are ``company``, the renewable units by position and ``vehicles``; uses are ``load``, ``vehicles`` and
    ``losses``. The papers print such a table and no rule for it; that each use has each source's share of the total is
    the usual convention (J. Bialek, Tracing the flow of electricity, IEE Proc. GTD 143 (1996) 310).
    """
    table: dict[tuple[str, str], float] = {}
    for share, scenario in zip(weight, clearing.scenarios, strict=True):
        sources = {"company": scenario.import_kw, "vehicles": scenario.lot_discharge_kw.sum(axis=1)}
        sources |= {f"renewable {k}": column for k, column in enumerate(scenario.renewable_kw.T)}
        uses = {
            "load": day.load_kw.sum(axis=1),
            "vehicles": scenario.lot_charge_kw.sum(axis=1),
            "losses": scenario.loss_kw.sum(axis=1),
        }
        total = np.sum(list(sources.values()), axis=0)
        for source, power in sources.items():
            part = np.divide(power, total, out=np.zeros_like(total), where=total > 0.0)
            for use, drawn in uses.items():
                amount = share * float(part @ (day.length_h * drawn)) / MWH
                table[source, use] = table.get((source, use), 0.0) + amount
    return table


@dataclass(frozen=True, eq=False)
class Run:
    """One cleared day with its input.

    Attributes
    ----------
    equilibrium
        The same day in the mode :data:`EQUILIBRIUM`; the error where lots at their own maximum need more than the
        network carries, and ``None`` where it was not asked for.
    """

    day: DiscoDay
    clearing: DiscoClearing
    equilibrium: Run | InfeasibleError | None = None

    @property
    def lots_are_at_their_maximum(self) -> bool:
        """Whether no lot could earn more, in any scenario."""
        regret = [
            float(np.max((s.lot_maximum - s.lot_profit) / (1.0 + np.abs(s.lot_maximum))))
            for s in self.clearing.scenarios
        ]
        return max(regret) <= AT_MAXIMUM

    def totals(self, attitude: str) -> Totals:
        """Return the totals as a company that is ``neutral``, ``averse`` or a ``seeker`` counts them."""
        return totals(self.day, self.clearing, weights(self.clearing, attitude))

    def objective(self, beta: float) -> float:
        """Return the weighted objective (49) of the scenarios' optimal profits."""
        profit = np.array([scenario.company_profit for scenario in self.clearing.scenarios])
        probability = np.array([scenario.probability for scenario in self.clearing.scenarios])
        return mean_cvar(profit, probability, self.clearing.alpha, beta)


def paired(
    run: Run, numbers: Callable[Concatenate[Run, Given], Sequence[float]], *given: Given.args, **named: Given.kwargs
) -> list[tuple[float, float]]:
    """Return numbers of a day, each with that of its equilibrium beside it; not a number where there is none.

    Parameters
    ----------
    numbers, given, named
        What gives the numbers of a day, and its further arguments.

    Raises
    ------
    ValueError
        When the day was cleared without looking for its equilibrium.
    """
    ours = numbers(run, *given, **named)
    if run.equilibrium is None:
        raise ValueError("the day was cleared without its equilibrium")
    if isinstance(run.equilibrium, InfeasibleError):
        return [(value, math.nan) for value in ours]
    return list(zip(ours, numbers(run.equilibrium, *given, **named), strict=True))


def profit(run: Run, attitude: str) -> tuple[float]:
    """Return the company's profit as a company of an attitude counts it."""
    return (run.totals(attitude).profit,)


def objective(run: Run, beta: float) -> tuple[float]:
    """Return the weighted objective of a day."""
    return (run.objective(beta),)


def without_equilibrium(runs: Mapping[str, Run]) -> str:
    """Return a note on the days that have no equilibrium, with the first reason of each; empty where all have one."""
    errors = {name: run.equilibrium for name, run in runs.items() if isinstance(run.equilibrium, InfeasibleError)}
    told = [f"{name}: {(*error.reasons, str(error))[0]}" for name, error in errors.items()]
    if not told:
        return ""
    return f"Lots at their own maximum need more than the network carries; no equilibrium: {'; '.join(told)}."


Vary = Callable[[Network, DiscoDay], tuple[Network, DiscoDay]]
"""Makes another form of a day before it is cleared."""


def as_it_is(network: Network, day: DiscoDay) -> tuple[Network, DiscoDay]:
    """Return the day of the study itself."""
    return network, day


class Markets:
    """Markets of one study by voltage band, renewable units and options, each compiled once.

    Parameters
    ----------
    solver
        ``"auto"``, ``"highs"`` or ``"gurobi"``.
    vary
        Makes another form of every day.
    """

    def __init__(self, solver: str, vary: Vary = as_it_is) -> None:
        self._solver = solver
        self._vary = vary
        self._compiled: dict[tuple[Any, ...], DiscoMarket] = {}

    def clear(self, network: Network, day: DiscoDay, mode: str = MODE, **options: Any) -> Run:  # noqa: ANN401
        """Clear one day in the market of its network, mode and options."""
        network, day = self._vary(network, day)
        units = tuple((unit.name, unit.rated_kw) for unit in network.renewables)
        key = (mode, float(network.feeder.voltage_min_pu.min()), units, *sorted(options.items()))
        if key not in self._compiled:
            self._compiled[key] = DiscoMarket(network, mode=mode, solver=self._solver, **options)
        return Run(day, self._compiled[key].clear(day))

    def attempt(self, network: Network, day: DiscoDay, mode: str, **options: Any) -> Run | InfeasibleError:  # noqa: ANN401
        """Clear one day as :meth:`clear`; where the network can serve none, return the error."""
        try:
            return self.clear(network, day, mode=mode, **options)
        except InfeasibleError as error:
            return error

    def clear_both(self, network: Network, day: DiscoDay, other: Network | None = None) -> Run:
        """Clear one day in :data:`MODE`, with its equilibrium beside it.

        A day in which lots are at their own maximum anyway is its own equilibrium.

        Parameters
        ----------
        other
            The network of the equilibrium, where the day's own is too weak for lots that choose for themselves.
        """
        run = self.clear(network, day)
        if other is None and run.lots_are_at_their_maximum:
            return replace(run, equilibrium=run)
        return replace(run, equilibrium=self.attempt(other or network, day, EQUILIBRIUM, pessimistic=False))

    def compare(
        self,
        programs: Sequence[str],
        modes: Sequence[str],
        case: Callable[[str], tuple[Network, DiscoDay]],
    ) -> dict[tuple[str, str], Run | InfeasibleError]:
        """Clear the day of each program in each mode; where the network can serve none, the error stands there."""
        return {(program, mode): self.attempt(*case(program), mode) for program in programs for mode in modes}


def cleared(run: Run | InfeasibleError) -> Run:
    """Return a day that was cleared; raise the error of one that was not."""
    if isinstance(run, InfeasibleError):
        raise run
    return run


def modes_table(
    modes: Mapping[tuple[str, str], Run | InfeasibleError],
    labels: Mapping[str, str],
    published: Mapping[str, float],
    title: str,
) -> ComparisonTable:
    """Return what the printed model gives, and what its readings give, side by side.

    Parameters
    ----------
    modes
        Days of one scenario by program and mode.
    labels, published
        Name of each program, and the company's published profit where there is one.
    """
    rows = []
    for (program, mode), run in modes.items():
        label = f"{labels[program]}, {mode}"
        if isinstance(run, InfeasibleError):
            rows.append(Comparison(label, f"no dispatch: {run}", None, math.nan))
            continue
        ours, (proved, found) = run.totals("neutral"), run.clearing.pessimistic
        rows += [
            Comparison(label, "company, optimistic (USD)", published.get(program), run.clearing.objective),
            Comparison(label, "company, pessimistic, proved (USD)", None, proved),
            Comparison(label, "company, pessimistic, found (USD)", None, found),
            Comparison(label, "lot (USD)", None, ours.lot_profit),
            Comparison(label, "lot at most (USD)", None, ours.lot_maximum),
            Comparison(label, "discharging (MWh)", None, ours.discharge_mwh, digits=3),
        ]
    return ComparisonTable("modes", title, tuple(rows), counted=False)


def accounts_miss(clearings: Iterable[DiscoClearing]) -> float:
    """Return by how much a scenario's accounts miss the company's profit at worst, relative to one plus their sum."""
    return max(_accounts_miss(scenario) for clearing in clearings for scenario in clearing.scenarios)


def _accounts_miss(scenario: ScenarioClearing) -> float:
    a = scenario.accounts
    company = a["load_income"] + a["lot_charging_income"] + a["emission_reward"]
    company -= a["v2g_payment"] + a["upstream_cost"] + a["response_cost"]
    return abs(company - scenario.company_profit) / (1.0 + abs(company))
