"""temporary direct version; the same function will read the bundled YAML cases."""

from __future__ import annotations

import numpy as np

from equilibrium.day import LotDay, MarketDay
from equilibrium.network import LotSite, Microturbine, Network, RenewableUnit, StaticVarCompensator
from scenarios.feeders import load_feeder
from scenarios.files import DATA, Table


def epec_lots_case(
    feeder: str,
    case: int,
    *,
    voltage_min_pu: float = 0.90,
    voltage_max_pu: float = 1.10,
    demand_factor: float = 1.0,
    renewable_factor: float = 1.0,
) -> tuple[Network, MarketDay]:
    """Return the network and the market day of the S0 data set."""
    f = load_feeder(
        {"33": "ieee33", "85": "das85"}[feeder],
        rating_kva=5000.0,
        voltage_min_pu=voltage_min_pu,
        voltage_max_pu=voltage_max_pu,
    )
    res = {"33": ((5, 300, "pv"), (11, 400, "wind"), (24, 300, "pv"), (28, 450, "wind"))}.get(
        feeder, ((4, 300, "pv"), (11, 400, "wind"), (40, 450, "wind"), (47, 300, "pv"))
    )
    mt = {"33": ((17, 0.04), (32, 0.06)), "85": ((72, 0.04), (32, 0.06))}[feeder]
    network = Network(
        feeder=f,
        microturbines=tuple(Microturbine(f"MT@{b}", b, 600.0, c) for b, c in mt),
        compensators=tuple(StaticVarCompensator(f"SVC@{b}", b, 500.0) for b in (15, 29)),
        renewables=tuple(RenewableUnit(f"{k}@{b}", b, kw, k) for b, kw, k in res),
        lots=tuple(LotSite(f"lot-{k + 1}", b) for k, b in enumerate((7, 13, 31))),
        export_price_factor=0.7,
        polygon_edges=12,
        name=f"epec-lots-{feeder}-case{case}",
    )
    profiles = Table.read(DATA / "profiles" / "s0.csv")
    loads = Table.read(DATA / "loads" / f"epec-lots-{feeder}.csv")
    kw, kvar = np.zeros((24, f.size)), np.zeros((24, f.size))
    for row, label in enumerate(loads.columns["bus"]):
        shape = profiles.numbers(loads.columns["profile"][row] + "_pu")
        kw[:, f.index(label)] = demand_factor * loads.numbers("load_kw")[row] * shape
        kvar[:, f.index(label)] = demand_factor * loads.numbers("load_kvar")[row] * shape
    potential = np.stack([r * profiles.numbers(k + "_pu") for _, r, k in res], axis=1) * renewable_factor
    day = MarketDay(
        wholesale_price=Table.read(DATA / "prices" / "s0.csv").numbers("price_eur_per_mwh") / 1000.0,
        load_kw=kw,
        load_kvar=kvar,
        renewable_kw=potential * (0.0 if case == 3 else 1.0),
        microturbine_available=np.full(2, case != 2),
        lots=_lots(),
    )
    return network, day


def _lots() -> tuple[LotDay, ...]:
    t = Table.read(DATA / "lots" / "s0.csv")
    n, a, d = (t.numbers(c).reshape(3, 24) for c in ("plugged", "arrivals", "departures"))
    ed = 15.0 + 7070.0 * 0.95 / 423.0
    out = ed * d
    out[:, 0] = 0.0
    return tuple(
        LotDay(np.full(24, 0.5), 15.0 * a[k], out[k], ed * n[k, -1], 10.0 * n[k], 50.0 * n[k], 55.0 * n[k])
        for k in range(3)
    )
