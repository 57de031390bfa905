"""Reproduction of the DISCO with a parking lot on 15 buses under nine tariffs and programs (docs/disco.md, paper B).

Tables 5 to 12 beside the paper's, every ordering and claim of its section 4, the four behaviour modes side by side, and
figures laid out like the paper's Figs. 3, 4 and 5.
"""

from __future__ import annotations

from pathlib import Path

from sim.reproduce.closeness import Comparison, ComparisonTable
from sim.reproduce.disco.totals import EQUILIBRIUM_NAME, Run, equilibrium, modes_table, shares_mwh, weights
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
            results.totals(program, case, attitude).profit,
            digits=2,
            equilibrium=equilibrium(results.run(program, case, attitude)).totals(attitude).profit,
        )
        for program, label in data.PROGRAMS.items()
        for case in data.CASES
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
        run = results.stochastic[program, 4]
        computed, other = _exchanged(run, base), _exchanged(equilibrium(run), base)
        rows += [
            Comparison(data.PROGRAMS[program], quantity, wanted, value, digits=3, equilibrium=beside)
            for quantity, wanted, value, beside in zip(data.COMPONENTS, published, computed, other, strict=True)
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
        run = results.stochastic[program, 4]
        parts, other = (
            shares_mwh(each.day, each.clearing, weights(each.clearing, "averse")) for each in (run, equilibrium(run))
        )
        rows += [
            Comparison(data.PROGRAMS[program], name, wanted, parts[key], digits=3, equilibrium=other[key])
            for (name, key), wanted in zip(data.SHARES.items(), published, strict=True)
        ]
    title = "Table 10: energy by source and use (proportional sharing), risk-averse, case 4, MWh"
    return ComparisonTable("table-10", title, tuple(rows), in_terminal=False, equilibrium_name=EQUILIBRIUM_NAME)


def _accounts(results: Results) -> ComparisonTable:
    rows = []
    for attitude, published in data.TABLE_11.items():
        run = results.run("cpp", 4, attitude)
        computed, other = (
            {**found.accounts, "profit": found.profit}
            for found in (run.totals(attitude), equilibrium(run).totals(attitude))
        )
        rows += [
            Comparison(
                f"risk-{attitude}", name.replace("_", " "), wanted, computed[name], digits=2, equilibrium=other[name]
            )
            for name, wanted in published._asdict().items()
        ]
    title = "Table 11: the company's accounts under CPP, case 4 (USD)"
    return ComparisonTable("table-11", title, tuple(rows), equilibrium_name=EQUILIBRIUM_NAME)


def _sensitivity_table(results: Results) -> ComparisonTable:
    rows = []
    for name, published in data.TABLE_12.items():
        run = results.sensitivity[name]
        computed, other = (
            (ours.profit, ours.import_mwh, ours.charge_mwh, ours.discharge_mwh)
            for ours in (run.totals("averse"), equilibrium(run).totals("averse"))
        )
        label = (
            f"{name}: PV {published.pv_kw:g} kW, wind {published.wind_kw:g} kW, {published.participation:.0%}, "
            f"{published.vehicles} EVs"
        )
        names = ("profit (USD)", "purchase (MWh)", "charging (MWh)", "discharging (MWh)")
        rows += [
            Comparison(label, quantity, wanted, value, digits=2, equilibrium=beside)
            for quantity, wanted, value, beside in zip(names, published[4:], computed, other, strict=True)
        ]
    title = "Table 12: sensitivity to renewables, participation and vehicles; CPP, risk-averse, case 4"
    return ComparisonTable("table-12", title, tuple(rows), in_terminal=False, equilibrium_name=EQUILIBRIUM_NAME)


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
