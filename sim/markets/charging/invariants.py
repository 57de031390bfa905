"""What holds in the tables of every run of charging lots; violations are relative to the table's largest number."""

from __future__ import annotations

import pandas as pd

from equilibrium.certificate import RESIDUAL_TOLERANCE
from sim.checks import VERDICTS, RunInvariant, apart, beyond, brought, energies, sums_apart
from sim.store import Run

SIGNS = {
    **dict.fromkeys(("import", "microturbine", "renewable", "svc", "storage", "shed"), 1.0),
    **dict.fromkeys(("export", "load", "lot"), -1.0),
    "renewable_potential": 0.0,
}
"""Whether a kind of dispatch brings power to the feeder or takes it; a potential does neither."""

_SUMS = {
    "energy_charged_kwh": "lot",
    "import_kwh": "import",
    "export_kwh": "export",
    "load_kwh": "load",
    "shed_kwh": "shed",
}


def _balance(run: Run, power: str) -> float:
    return apart(brought(run, SIGNS, power), 0.0, run.dispatch[power])


def _parts(run: Run) -> float:
    prices = run.prices
    parts = prices["energy_per_mwh"] + prices["congestion_per_mwh"] + prices["voltage_per_mwh"]
    return apart(prices["dlmp_per_mwh"], parts)


def _energy(run: Run) -> float:
    days, sums = run.days.set_index("day"), energies(run, SIGNS)
    curtailed = sums["renewable_potential"] - sums["renewable"]
    return max(sums_apart(run, _SUMS), apart(days["curtailed_kwh"], curtailed, sums["renewable_potential"]))


def _lots(run: Run) -> float:
    lots = run.lots
    power = beyond(lots["power_kw"], 0.0, lots["power_max_kw"])
    return max(power, beyond(lots["soe_kwh"], lots["soe_min_kwh"], lots["soe_max_kwh"]))


def _money(run: Run) -> float:
    lots, days = run.lot_days, run.days.set_index("day")
    profit = apart(lots["profit"], lots["revenue"] - lots["payment"] - lots["network_charge"], lots["revenue"])
    sums = lots.groupby("day")[["profit", "network_charge"]].sum().reindex(days.index, fill_value=0.0)
    total = apart(days["lot_profit"], sums["profit"])
    charged = apart(days["network_charge"], sums["network_charge"], lots["revenue"])
    regret = apart(lots.groupby("day")["regret"].max().reindex(days.index, fill_value=0.0), days["worst_regret"])
    return max(profit, total, charged, regret)


def _extremes(run: Run) -> float:
    rows, days = run.prices, run.days.set_index("day")
    prices = rows.assign(weighted=rows["dlmp_per_mwh"] * rows["hours"]).groupby("day")
    peak = apart(days["dlmp_peak_per_mwh"], prices["dlmp_per_mwh"].max())
    mean = apart(days["dlmp_mean_per_mwh"], prices["weighted"].sum() / prices["hours"].sum(), days["dlmp_peak_per_mwh"])
    return max(peak, mean, apart(days["voltage_min_pu"], prices["voltage_pu"].min()))


def _sessions(run: Run) -> float:
    """Return by how much sessions at one lot differ in kWh stored per kWh drawn, or get more than they ask for."""
    done = run.sessions[run.sessions["lot"] != ""]
    stored = done.groupby("lot")[["got_kwh", "drawn_kwh"]].sum()
    share = (stored["got_kwh"] / stored["drawn_kwh"].where(stored["drawn_kwh"] > 0.0, 1.0)).reindex(done["lot"])
    expected = pd.Series(done["drawn_kwh"].to_numpy() * share.to_numpy(), index=done.index)
    reached = done["asked_kwh"] - done["unreachable_kwh"]
    over = beyond(done["got_kwh"], -float("inf"), done["battery_kwh"] - done["arrival_energy_kwh"])
    short = beyond(done["got_kwh"][done["outcome"] == "served"], reached[done["outcome"] == "served"], float("inf"))
    return max(apart(done["got_kwh"], expected), over, short)


INVARIANTS: tuple[RunInvariant, ...] = (
    RunInvariant(
        "active-balance",
        "in every period what feeds the grid is what it draws: the flow has no losses",
        "(2b), (2d) of docs/epec_lots.md",
        RESIDUAL_TOLERANCE,
        lambda run: _balance(run, "p_kw"),
    ),
    RunInvariant(
        "reactive-balance",
        "so it is with reactive power",
        "(2c), (2e) of docs/epec_lots.md",
        RESIDUAL_TOLERANCE,
        lambda run: _balance(run, "q_kvar"),
    ),
    RunInvariant("price-parts", "DLMP = energy + congestion + voltage", "equilibrium/grid/prices.py", 1e-7, _parts),
    RunInvariant(
        "day-sums",
        "energies of a day are the sums of its dispatch",
        "conservation of energy",
        RESIDUAL_TOLERANCE,
        _energy,
    ),
    RunInvariant(
        "day-extremes",
        "prices and voltages of a day are those of its periods",
        "definition",
        RESIDUAL_TOLERANCE,
        _extremes,
    ),
    RunInvariant(
        "lot-bands",
        "power and energy of every lot lie within the limits of its vehicles",
        "(3e), (3f) of docs/epec_lots.md",
        RESIDUAL_TOLERANCE,
        _lots,
    ),
    RunInvariant(
        "lot-money",
        "profit is revenue less payment and network charge; a day's profit, charges and regret are those of its lots",
        "(3a) of docs/epec_lots.md",
        1e-6,
        _money,
    ),
    RunInvariant(
        "sessions",
        "vehicles of a lot store one share of what they draw, at most what fits; the served got what could be reached",
        "conservation of energy",
        1e-4,
        _sessions,
    ),
    VERDICTS,
)
