"""Grids in the layouts of other programs, with numbers of our own."""

from __future__ import annotations

import json
from typing import Any

MATPOWER = """function mpc = small
%SMALL  a feeder of four buses % with a sign
mpc.version = '2';
mpc.baseMVA = 10;
%% bus data
%	bus_i	type	Pd	Qd	Gs	Bs	area	Vm	Va	baseKV	zone	Vmax	Vmin
mpc.bus = [
	1	3	0	0	0	0	1	1	0	10	1	1	1;
	2	1	100	50	0	0	1	1	0	10	1	1.06	0.94;
	3	1	200	80	0	0.02	1	1	0	10	1	1.06	0.94;  % a capacitor of 0.02 MVAr
	7	2	50	0	0	0	1	1	0	10	1	1.06	0.94;
];
mpc.gen = [ 1 0 0 10 -10 1.02 100 1 10 0
            7 0.03 0.01 10 -10 1 100 1 10 0 ];
mpc.branch = [
	1	2	0.5	0.3	0	0	0	0	0	0	1	-360	360;
	2	3	0.4	0.2	0	3	0	0	0	0	1	-360	360;
	2	7	0.6	0.1	0	0	0	0	0	0	1	-360	360;
	3	7	1.0	1.0	0	0	0	0	0	0	0	-360	360;
];
mpc.gencost = [2 0 0 3 0 20 0];
%% ohms to p.u., kW to MW
[PQ, PV, REF, NONE, BUS_I, BUS_TYPE, PD, QD] = idx_bus;
Vbase = mpc.bus(1, BASE_KV) * 1e3;
Sbase = mpc.baseMVA * 1e6;
mpc.branch(:, [BR_R BR_X]) = mpc.branch(:, [BR_R BR_X]) / (Vbase^2 / Sbase);
mpc.bus(:, [PD, QD]) = mpc.bus(:, [PD, QD]) / 1e3;
"""

PYPSA = {
    "buses.csv": "name,v_nom,v_mag_pu_set,v_mag_pu_min,v_mag_pu_max\n"
    "grid,20,1.03,0,inf\nstation,0.4,1,0.9,1.1\nfarm,0.4,1,0.9,1.1\n",
    "lines.csv": "name,bus0,bus1,r,x,s_nom,active\ncable,station,farm,0.05,0.02,0.1,True\n"
    "spare,station,farm,0.05,0.02,0.1,False\n",
    "transformers.csv": "name,bus0,bus1,r,x,s_nom,tap_ratio,tap_side,model\nt1,grid,station,0.01,0.04,0.25,1.05,0,pi\n",
    "loads.csv": "name,bus,p_set,q_set\nhouse,farm,0.03,0.01\nshop,station,0.02,0\n",
    "generators.csv": "name,bus,control,p_set,q_set\nimport,grid,Slack,0,0\nsolar,farm,PQ,0.004,0\n",
    "storage_units.csv": "name,bus,p_nom,p_set\nbattery,farm,0.01,0\n",
}


def table(columns: list[str], rows: list[list[Any]], index: list[int] | None = None) -> dict[str, Any]:
    """A table as pandapower writes it: a text of JSON inside the JSON."""
    inner = {"columns": columns, "index": index or list(range(len(rows))), "data": rows}
    return {
        "_module": "pandas.core.frame",
        "_class": "DataFrame",
        "_object": json.dumps(inner),
        "orient": "split",
        "dtype": {},
    }


def pandapower_net() -> dict[str, dict[str, Any]]:
    """Tables of a net of three buses at 10 kV and one at 0.4 kV, by name."""
    return {
        "bus": table(
            ["name", "vn_kv", "in_service"],
            [["feed", 10.0, True], ["middle", 10.0, True], ["end", 10.0, True], ["low", 0.4, True]],
        ),
        "ext_grid": table(["name", "bus", "vm_pu", "in_service"], [["grid", 0, 1.0, True]]),
        "line": table(
            [
                "name",
                "from_bus",
                "to_bus",
                "length_km",
                "r_ohm_per_km",
                "x_ohm_per_km",
                "c_nf_per_km",
                "max_i_ka",
                "parallel",
                "in_service",
            ],
            [["a", 0, 1, 2.0, 0.2, 0.1, 0.0, 0.2, 2, True], ["b", 1, 2, 1.0, 0.3, 0.2, 0.0, 0.1, 1, True]],
        ),
        "trafo": table(
            [
                "name",
                "hv_bus",
                "lv_bus",
                "sn_mva",
                "vn_hv_kv",
                "vn_lv_kv",
                "vk_percent",
                "vkr_percent",
                "pfe_kw",
                "i0_percent",
                "tap_side",
                "tap_neutral",
                "tap_pos",
                "tap_step_percent",
                "parallel",
                "in_service",
            ],
            [["t", 2, 3, 0.4, 10.0, 0.4, 5.0, 3.0, 0.0, 0.0, "hv", 0, -2, 2.5, 1, True]],
        ),
        "load": table(
            ["name", "bus", "p_mw", "q_mvar", "scaling", "in_service"],
            [["l1", 1, 0.5, 0.1, 0.6, True], ["l2", 3, 0.1, 0.02, 1.0, True], ["off", 2, 9.0, 0.0, 1.0, False]],
        ),
        "sgen": table(["name", "bus", "p_mw", "q_mvar", "scaling", "in_service"], [["pv", 3, 0.08, 0.0, 0.5, True]]),
    }


def pandapower_json(tables: dict[str, dict[str, Any]], encoded: bool = True) -> str:
    """The file: with each table as a text of JSON, or as plain objects."""
    content: dict[str, Any] = {"f_hz": 50.0, "name": "", **tables}
    if not encoded:
        content |= {name: {**value, "_object": json.loads(value["_object"])} for name, value in tables.items()}
    return json.dumps({"_module": "pandapower.auxiliary", "_class": "pandapowerNet", "_object": content})


def changed(
    tables: dict[str, dict[str, Any]], name: str, row: int, column: str, value: Any
) -> dict[str, dict[str, Any]]:
    """The tables with one cell changed; the column is added where there is none."""
    inner = json.loads(tables[name]["_object"])
    if column not in inner["columns"]:
        inner["columns"].append(column)
        for cells in inner["data"]:
            cells.append(None)
    inner["data"][row][inner["columns"].index(column)] = value
    return {**tables, name: {**tables[name], "_object": json.dumps(inner)}}
