"""Who paid whom over a run of charging lots."""

from __future__ import annotations

import pandas as pd

from sim.store import Run

_DRIVERS, _OPERATOR, _WHOLESALE, _FUEL = "drivers", "operator", "wholesale market", "microturbines"


def payments(run: Run) -> pd.DataFrame:
    """Return what each paid to whom and for what, currency; accounts in which no money moved are left out.

    Parameters
    ----------
    run
        A run of a market of charging lots.
    """
    days, lots = run.days, run.lot_days.groupby("lot", sort=False)[["revenue", "payment", "network_charge"]].sum()
    rows: list[tuple[str, str, str, float]] = []
    for lot, sums in lots.iterrows():
        rows += [
            (_DRIVERS, str(lot), "charging", float(sums["revenue"])),
            (str(lot), _OPERATOR, "energy", float(sums["payment"])),
            (str(lot), _OPERATOR, "network charge", float(sums["network_charge"])),
        ]
    if "load_payment" in days:
        rows.append(("inflexible load", _OPERATOR, "energy", float(days["load_payment"].sum())))
    fuel = float(days["fuel_cost"].sum())
    rows += [
        (_OPERATOR, _WHOLESALE, "imports less exports", float(days["network_cost"].sum()) - fuel),
        (_OPERATOR, _FUEL, "fuel", fuel),
        (_OPERATOR, "those not served", "shortage, at the value of lost load", float(days["shortage_cost"].sum())),
    ]
    found = pd.DataFrame(rows, columns=["payer", "receiver", "account", "amount"])
    return found[found["amount"] != 0.0].reset_index(drop=True)
