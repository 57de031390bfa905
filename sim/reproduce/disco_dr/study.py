"""Reproduction of the DISCO with a parking lot on 15 buses under nine tariffs and programs (docs/disco.md, paper B).

Tables 5 to 12 beside the paper's, every ordering and claim of its section 4, the four behaviour modes side by side, and
figures laid out like the paper's Figs. 3, 4 and 5.
"""

from __future__ import annotations

from pathlib import Path

from sim.reproduce.closeness import Comparison, ComparisonTable
from sim.reproduce.disco.totals import (
    EQUILIBRIUM_NAME,
    Run,
    modes_table,
    paired,
    profit,
    shares_mwh,
    weights,
    without_equilibrium,
)
from sim.reproduce.disco_dr import published as data
from sim.reproduce.disco_dr.compute import COMPARED, Results, compute
from sim.reproduce.disco_dr.constants import constants
from sim.reproduce.disco_dr.errors import documented_errors
from sim.reproduce.disco_dr.statements import statements
from sim.reproduce.report import Report


def reproduce(folder: Path, solver: str = "auto") -> Report:
    """Make the report and draw its figures.

    Parameters
    ----------
    folder
        Where the figures go (``figures`` inside it).
    solver
        ``"auto"``, ``"highs"`` or ``"gurobi"``.
    """
    results = compute(solver)
    return make_report(results, draw(results, folder))


def make_report(results: Results, figures: tuple[tuple[str, str], ...] = ()) -> Report:
    """Put results beside the published numbers and evaluate every statement."""
    return Report(
        name="disco-dr",
        title="Reproduction: a DISCO that supplies a parking lot, nine programs, four cases, three attitudes to risk",
        introduction=data.INTRODUCTION,
        tables=(
            *(_profits(results, attitude) for attitude in data.ATTITUDES),
            _customers(results),
            _components(results),
            _shares(results),
            _accounts(results),
            _sensitivity_table(results),
            modes_table(
                results.modes,
                data.PROGRAMS,
                {program: data.TABLE_5[program]["seeker"][3] for program in COMPARED},
                "The four behaviour modes, case 4, risk-seeker (one scenario)",
            ),
        ),
        statements=statements(results),
        constants=constants(),
        errors=documented_errors(results),
        figures=figures,
    )


def _profits(results: Results, attitude: str) -> ComparisonTable:
    """Return one third of Table 5."""
    rows = tuple(
        Comparison(
            f"{label}, case {case}",
            "profit (USD)",
            data.TABLE_5[program][attitude][case - 1],
            computed,
            digits=2,
            equilibrium=other,
        )
        for program, label in data.PROGRAMS.items()
        for case in data.CASES
        for computed, other in paired(results.run(program, case, attitude), profit, attitude)
    )
    title = f"Table 5, risk-{attitude}: the company's profit"
    return ComparisonTable(
        f"table-5-{attitude}", title, rows, in_terminal=attitude == "neutral", equilibrium_name=EQUILIBRIUM_NAME
    )


def _customers(results: Results) -> ComparisonTable:
    rows = []
    for program, (load, income) in data.TABLE_6.items():
        ours = results.totals(program, 1, "neutral")
        rows += [
            Comparison(data.PROGRAMS[program], "load (MWh)", load, ours.load_mwh, digits=3),
            Comparison(data.PROGRAMS[program], "income (USD)", income, ours.accounts["load_income"], digits=2),
        ]
    return ComparisonTable("table-6", "Table 6: the customers' load and the income from it", tuple(rows))


def _components(results: Results) -> ComparisonTable:
    """Return Tables 7, 8 and 9 in one."""
    rows = []
    base = _dirty_mwh(results.stochastic["flat", 1], "averse")
    for program, published in data.TABLES_7_TO_9.items():
        pairs = paired(results.stochastic[program, 4], _exchanged, base)
        rows += [
            Comparison(data.PROGRAMS[program], quantity, wanted, value, digits=3, equilibrium=other)
            for quantity, wanted, (value, other) in zip(data.COMPONENTS, published, pairs, strict=True)
        ]
    title = "Tables 7, 8 and 9: exchange with the lot, emissions and purchase, risk-averse, case 4"
    return ComparisonTable("tables-7-to-9", title, tuple(rows), in_terminal=False, equilibrium_name=EQUILIBRIUM_NAME)


def _exchanged(run: Run, base_mwh: float) -> data.Components:
    """Return a day's numbers of Tables 7 to 9; ``base_mwh`` is bought in the dirty hours of the baseline."""
    ours = run.totals("averse")
    return data.Components(
        ours.charge_mwh,
        ours.accounts["lot_charging_income"],
        ours.discharge_mwh,
        ours.accounts["v2g_payment"],
        data.EMISSION_KG_PER_MWH * (base_mwh - _dirty_mwh(run, "averse")),
        ours.accounts["emission_reward"],
        ours.import_mwh,
        ours.accounts["upstream_cost"],
    )


def _dirty_mwh(run: Run, attitude: str) -> float:
    """Return the energy bought in the hours that count as dirty, MWh."""
    emissions = run.day.emissions
    if emissions is None:
        raise ValueError("the day has no emissions")
    dirty = emissions.factor_kg_per_kwh > 0.0
    return float(run.day.length_h[dirty] @ run.totals(attitude).import_kw[dirty]) / data.MWH


def _shares(results: Results) -> ComparisonTable:
    """Return Table 10; the paper prints no rule for it."""
    rows = []
    for program, published in data.TABLE_10.items():
        pairs = paired(results.stochastic[program, 4], _shared)
        rows += [
            Comparison(data.PROGRAMS[program], name, wanted, value, digits=3, equilibrium=other)
            for name, wanted, (value, other) in zip(data.SHARES, published, pairs, strict=True)
        ]
    title = "Table 10: energy by source and use (proportional sharing), risk-averse, case 4, MWh"
    return ComparisonTable("table-10", title, tuple(rows), in_terminal=False, equilibrium_name=EQUILIBRIUM_NAME)


def _shared(run: Run) -> list[float]:
    """Return a day's numbers of Table 10."""
    parts = shares_mwh(run.day, run.clearing, weights(run.clearing, "averse"))
    return [parts[key] for key in data.SHARES.values()]


def _booked(run: Run, attitude: str) -> list[float]:
    """Return a day's numbers of Table 11."""
    found = run.totals(attitude)
    accounts = {**found.accounts, "profit": found.profit}
    return [accounts[name] for name in data.Account._fields]


def _accounts(results: Results) -> ComparisonTable:
    rows = []
    for attitude, published in data.TABLE_11.items():
        pairs = paired(results.run("cpp", 4, attitude), _booked, attitude)
        rows += [
            Comparison(f"risk-{attitude}", name.replace("_", " "), wanted, value, digits=2, equilibrium=other)
            for name, wanted, (value, other) in zip(published._fields, published, pairs, strict=True)
        ]
    title = "Table 11: the company's accounts under CPP, case 4 (USD)"
    return ComparisonTable("table-11", title, tuple(rows), equilibrium_name=EQUILIBRIUM_NAME)


def _sensitivity_table(results: Results) -> ComparisonTable:
    rows = []
    for name, published in data.TABLE_12.items():
        pairs = paired(results.sensitivity[name], _grown)
        label = (
            f"{name}: PV {published.pv_kw:g} kW, wind {published.wind_kw:g} kW, {published.participation:.0%}, "
            f"{published.vehicles} EVs"
        )
        names = ("profit (USD)", "purchase (MWh)", "charging (MWh)", "discharging (MWh)")
        rows += [
            Comparison(label, quantity, wanted, value, digits=2, equilibrium=other)
            for quantity, wanted, (value, other) in zip(names, published[4:], pairs, strict=True)
        ]
    return ComparisonTable(
        "table-12",
        "Table 12: sensitivity to renewables, participation and vehicles; CPP, risk-averse, case 4",
        tuple(rows),
        in_terminal=False,
        equilibrium_name=EQUILIBRIUM_NAME,
        note=without_equilibrium({f"row {name}": run for name, run in results.sensitivity.items()}),
    )


def _grown(run: Run) -> tuple[float, float, float, float]:
    """Return a day's numbers of Table 12."""
    ours = run.totals("averse")
    return ours.profit, ours.import_mwh, ours.charge_mwh, ours.discharge_mwh


def draw(results: Results, folder: Path) -> tuple[tuple[str, str], ...]:
    """Draw the look-alikes of the paper's figures; return file names and captions."""
    from sim.reproduce.disco import figures as disco_figures
    from sim.show import drawing  # here, because matplotlib is slow to import

    exchange = {
        f"Case {case}, CAP": (run.charge_kw, run.discharge_kw)
        for case in (3, 4)
        for run in [results.totals("cap", case, "averse")]
    }
    cpp = results.totals("cpp", 4, "averse")
    sources = {"Upstream": cpp.import_kw, "Vehicles": cpp.discharge_kw}
    sources |= dict(zip(("Wind", "PV"), cpp.renewable_kw.T, strict=True))
    uses = {"Load": results.loads_kw["cpp"], "Charging": cpp.charge_kw, "Losses": cpp.loss_kw}
    drawn = (
        (
            "fig-3",
            disco_figures.load_figure({data.PROGRAMS[name]: load for name, load in results.loads_kw.items()}),
            "Effect of the programs on the customers' load (layout of Fig. 3)",
        ),
        (
            "fig-4",
            disco_figures.exchange_figure(exchange),
            "Power between company and lot in CAP, risk-averse (layout of Fig. 4)",
        ),
        (
            "fig-5",
            disco_figures.supply_figure(sources, uses, "CPP, case 4, risk-averse"),
            "Who supplies load, losses and vehicles in CPP (layout of Fig. 5)",
        ),
    )
    for name, figure, _ in drawn:
        drawing.save(figure, folder / "figures" / name)
    return tuple((f"figures/{name}.png", caption) for name, _, caption in drawn)
