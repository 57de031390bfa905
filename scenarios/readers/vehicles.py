"""Tables of vehicle models."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from equilibrium.arrays import FloatArray
from equilibrium.errors import InputError
from scenarios.files import Table
from scenarios.units import CHARGER_KW, VEHICLE_KWH


def read_vehicles(path: Path) -> dict[str, FloatArray]:
    """Read a table of vehicle models: ``model, registrations, battery_kwh, ac_kw, dc_kw``.

    Returns
    -------
    dict[str, FloatArray]
        The number columns by name, each of shape ``(models,)``, in order of battery size.
    """
    table = Table.read(path, ("model", "registrations", "battery_kwh", "ac_kw", "dc_kw"), ())
    table.each_once("model")
    columns = {}
    for name, magnitude in (("battery_kwh", VEHICLE_KWH), ("ac_kw", CHARGER_KW), ("dc_kw", CHARGER_KW)):
        columns[name] = table.numbers(name, minimum=0.1)
        for row, value in enumerate(columns[name]):
            if (fault := magnitude.fault(float(value))) is not None:
                raise table.error(row, name, table.columns[name][row], fault)
    order = np.argsort(columns["battery_kwh"], kind="stable")
    columns = {name: values[order] for name, values in columns.items()}
    columns["registrations"] = table.numbers("registrations", minimum=0.0)[order]
    if not columns["registrations"].sum() > 0:
        raise InputError(table.source, "column registrations", 0, "at least one model with registrations")
    return columns
