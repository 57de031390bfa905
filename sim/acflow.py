"""An independent physics check: an AC power flow of the cleared injections.

The market knows the linear flow (2d)-(2g), which has no losses. Here the same injections go through pandapower's
Newton-Raphson power flow period by period, and the differences are reported. pandapower is an optional extra
(``pip install "equilot[ac]"``) and is imported only when a flow is asked for.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import InputError, SolverError
from equilibrium.grid.feeder import Feeder
from equilibrium.markets.charging.clearing import Clearing

_KW_PER_MW = 1000.0

BUSBAR_OHM = 1e-4
"""A branch with less impedance is a busbar: rounding of its huge admittance would exceed the flow's tolerance."""


TOLERANCE_MVA = 1e-9
"""Mismatch of power at a bus at which a flow is solved, MVA, where rounding allows it (:func:`rounding_mva`)."""

SAME = 1e-9
"""Values of two buses that differ by less, per unit or kVA, differ by rounding: the first bus is named."""

_ROUNDINGS = 32.0
"""Rounding errors of one term that a mismatch may have gathered."""


@dataclass(frozen=True, eq=False)
class FlowCheck:
    """The AC flow of one day beside the linear one.

    Attributes
    ----------
    converged
        Whether the power flow of the period has a solution, shape ``(periods,)``; where it has none the other arrays
        hold NaN (and bus 0).
    voltage_error_pu
        Largest difference between linear and AC voltage over the buses, per unit, shape ``(periods,)``.
    voltage_error_bus
        Index of the bus with that difference, shape ``(periods,)``.
    loss_kw
        Active power lost in the branches, kW, shape ``(periods,)``; the linear flow has none, so this is its error.
    loss_share
        ``loss_kw`` divided by what loads, lots and storage draw; generation is not taken off.
    voltage_min_pu, voltage_min_bus
        Lowest AC voltage, per unit, and the index of its bus, shape ``(periods,)``. Of buses that differ by rounding
        only, here and elsewhere, the first is named.
    undervoltage_pu, undervoltage_bus
        By how much an AC voltage falls below what its bus may have, per unit, and the bus; 0 and -1 where none does.
    overvoltage_pu, overvoltage_bus
        By how much one rises above it, likewise.
    overload_kva, overload_bus
        By how much a branch carries more than its rating at the end where that is most, kVA, and the bus that it feeds
        (the root: the substation); likewise.
    """

    converged: np.ndarray
    voltage_error_pu: FloatArray
    voltage_error_bus: IntArray
    loss_kw: FloatArray
    loss_share: FloatArray
    voltage_min_pu: FloatArray
    voltage_min_bus: IntArray
    undervoltage_pu: FloatArray
    undervoltage_bus: IntArray
    overvoltage_pu: FloatArray
    overvoltage_bus: IntArray
    overload_kva: FloatArray
    overload_bus: IntArray


def require_pandapower() -> None:
    """Raise :class:`InputError` when the optional extra is not installed."""
    _pandapower()


def net_load(feeder: Feeder, flow: FloatArray) -> FloatArray:
    """Return what each bus draws, from the branch flows: the balance (2d) read backwards.

    Parameters
    ----------
    feeder
        The tree.
    flow
        Branch flows by receiving bus, kW or kvar, shape ``(periods, buses)``.

    Returns
    -------
    FloatArray
        Load, charging minus generation at each bus, shape ``(periods, buses)``.
    """
    drawn = np.array(flow, dtype=np.float64)
    for bus in feeder.order[1:]:
        drawn[:, feeder.parent[bus]] -= flow[:, bus]
    return drawn


def rounding_mva(feeder: Feeder) -> float:
    """Return the mismatch of power, MVA, that rounding alone can leave at a bus of a feeder.

    A mismatch is a sum of terms ``V^2 / z`` that cancel; of a high voltage and a small impedance each one is so large
    that its last digit exceeds what a small feeder can be solved to.

    Parameters
    ----------
    feeder
        The tree.
    """
    impedance = np.hypot(feeder.r_ohm, feeder.x_ohm)[feeder.parent >= 0]
    lines = impedance[impedance >= BUSBAR_OHM]
    largest = feeder.base_kv**2 / float(lines.min()) if lines.size else 0.0
    return _ROUNDINGS * float(np.finfo(np.float64).eps) * largest


class AcFlow:
    """The AC power flow of one feeder; the network is built once and used for every period of every day.

    Parameters
    ----------
    feeder
        Branches without impedance become closed bus-bus switches.

    Raises
    ------
    InputError
        When pandapower is not installed.
    """

    def __init__(self, feeder: Feeder) -> None:
        self._pp = _pandapower()
        self._feeder = feeder
        self._net = self._pp.create_empty_network(name=feeder.name, sn_mva=1.0)
        self._tolerance_mva = max(TOLERANCE_MVA, rounding_mva(feeder))
        self._connect()

    def _connect(self) -> None:
        """State the feeder in pandapower: one bus, one branch and one load per bus, in the feeder's order."""
        pp, net, feeder = self._pp, self._net, self._feeder
        child = np.flatnonzero(feeder.parent >= 0)
        solid = np.hypot(feeder.r_ohm[child], feeder.x_ohm[child]) < BUSBAR_OHM
        self._line = line = child[~solid]
        with _quiet():
            buses = pp.create_buses(net, feeder.size, vn_kv=feeder.base_kv)
            pp.create_ext_grid(net, buses[0], vm_pu=feeder.root_voltage_pu)
            for bus in child[solid]:
                pp.create_switch(net, int(feeder.parent[bus]), int(bus), et="b")
            if line.size:
                pp.create_lines_from_parameters(
                    net,
                    from_buses=feeder.parent[line],
                    to_buses=line,
                    length_km=1.0,
                    r_ohm_per_km=feeder.r_ohm[line],
                    x_ohm_per_km=feeder.x_ohm[line],
                    c_nf_per_km=0.0,
                    max_i_ka=1e3,
                )
            pp.create_loads(net, buses, p_mw=np.zeros(feeder.size))  # each period brings its own

    def solve(self, load_kw: FloatArray, load_kvar: FloatArray) -> tuple[FloatArray, float]:
        """Solve one period.

        Parameters
        ----------
        load_kw, load_kvar
            What each bus draws (negative: feeds in), kW and kvar, shape ``(buses,)``.

        Returns
        -------
        voltage_pu, loss_kw
            Voltage magnitudes, shape ``(buses,)``, and the active loss of the feeder, kW.

        Raises
        ------
        SolverError
            When the power flow does not converge (the load is beyond what the feeder can carry).
        """
        voltage_pu, loss_kw, _ = self._solved(load_kw, load_kvar)
        return voltage_pu, float(loss_kw.sum())

    def _solved(self, load_kw: FloatArray, load_kvar: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Solve one period; voltages, and losses by receiving bus, kW and kvar."""
        self._net.load["p_mw"] = load_kw / _KW_PER_MW
        self._net.load["q_mvar"] = load_kvar / _KW_PER_MW
        try:
            with _quiet():
                self._pp.runpp(self._net, init="flat", numba=False, tolerance_mva=self._tolerance_mva)
        except self._pp.LoadflowNotConverged as error:
            raise SolverError(f"the AC power flow of feeder {self._feeder.name} does not converge") from error
        loss = np.zeros((2, self._feeder.size))
        loss[:, self._line] = self._net.res_line[["pl_mw", "ql_mvar"]].to_numpy(dtype=np.float64).T * _KW_PER_MW
        return self._net.res_bus["vm_pu"].to_numpy(dtype=np.float64), loss[0], loss[1]

    def check(self, clearing: Clearing, load_kw: FloatArray) -> FlowCheck:
        """Run the cleared injections of every period through the AC flow and compare.

        Parameters
        ----------
        clearing
            The cleared day.
        load_kw
            What loads asked for, shape ``(periods, buses)``; what was shed is taken off.

        Returns
        -------
        FlowCheck
            Errors of the linear flow period by period.
        """
        net_kw = net_load(self._feeder, clearing.flow_kw)
        net_kvar = net_load(self._feeder, clearing.flow_kvar)
        periods = net_kw.shape[0]
        voltage = np.full(net_kw.shape, np.nan)
        loss_kw, loss_kvar = np.full(net_kw.shape, np.nan), np.full(net_kw.shape, np.nan)
        for period in range(periods):
            try:
                voltage[period], loss_kw[period], loss_kvar[period] = self._solved(net_kw[period], net_kvar[period])
            except SolverError:
                continue  # the period stays NaN and is reported as not converged
        loss = loss_kw.sum(axis=1)
        converged = np.isfinite(loss)
        error_pu, error_bus = _largest(np.abs(voltage - clearing.voltage_pu), converged)
        lowest_pu, lowest_bus = _largest(-voltage, converged)
        feeder = self._feeder
        drawn = load_kw.sum(axis=1) - clearing.shed_kw.sum(axis=1)
        drawn = drawn + np.maximum(clearing.lot_kw, 0.0).sum(axis=1) + clearing.storage_charge_kw.sum(axis=1)
        return FlowCheck(
            converged,
            error_pu,
            error_bus,
            loss,
            loss / np.where(drawn > 0, drawn, np.inf),
            -lowest_pu,
            lowest_bus,
            *_beyond(feeder.voltage_min_pu - voltage, converged),
            *_beyond(voltage - feeder.voltage_max_pu, converged),
            *_beyond(carried_kva(feeder, (net_kw, net_kvar), (loss_kw, loss_kvar)) - feeder.rating_kva, converged),
        )


def carried_kva(feeder: Feeder, load: tuple[FloatArray, FloatArray], loss: tuple[FloatArray, FloatArray]) -> FloatArray:
    """Return what each branch carries at the end where it is more, kVA, shape ``(periods, buses)``.

    On a tree it follows from the balances: a branch gives what the buses beyond it draw and what is lost on the way.

    Parameters
    ----------
    load
        What each bus draws, kW and kvar, shape ``(periods, buses)`` each.
    loss
        What is lost in the branch into each bus, likewise; 0 at the root, whose branch is the substation.
    """
    sent = [feeder.subtree_sum(drawn + lost) for drawn, lost in zip(load, loss, strict=True)]
    received = [flow - lost for flow, lost in zip(sent, loss, strict=True)]
    return np.asarray(np.maximum(np.hypot(*sent), np.hypot(*received)))


def _largest(values: FloatArray, converged: np.ndarray) -> tuple[FloatArray, IntArray]:
    """Return the largest value of each period and its bus; NaN and bus 0 where no flow converged."""
    known = np.where(converged[:, None], values, 0.0)
    bus = (known >= known.max(axis=1, keepdims=True) - SAME).argmax(axis=1)
    return np.where(converged, known[np.arange(bus.size), bus], np.nan), bus


def _beyond(excess: FloatArray, converged: np.ndarray) -> tuple[FloatArray, IntArray]:
    """Return the largest excess of each period and its bus: 0 and -1 where there is none but rounding."""
    most, bus = _largest(excess, converged)
    broken = most > SAME
    return np.where(converged, np.where(broken, most, 0.0), np.nan), np.where(broken, bus, -1)


def base_case(feeder: Feeder) -> tuple[float, float, int]:
    """Solve the feeder's own base-case load.

    Parameters
    ----------
    feeder
        The feeder with ``load_kw`` and ``load_kvar``.

    Returns
    -------
    loss_kw, voltage_min_pu, voltage_min_bus
        Active loss, kW; lowest voltage, per unit; the index of its bus.
    """
    voltage, loss_kw = AcFlow(feeder).solve(feeder.load_kw, feeder.load_kvar)
    lowest, bus = _largest(-voltage[None], np.ones(1, dtype=bool))
    return loss_kw, -float(lowest[0]), int(bus[0])


def _pandapower() -> ModuleType:
    """Import pandapower, or say how to get it."""
    try:
        with _quiet():
            return importlib.import_module("pandapower")
    except ImportError as error:
        raise InputError(
            "the AC power flow", "pandapower", "not installed", 'the extra: pip install "equilot[ac]"'
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide the warnings that pandapower raises about its own use of pandas and numpy; they say nothing of the flow."""
    with warnings.catch_warnings():
        for category in (FutureWarning, DeprecationWarning, PendingDeprecationWarning):
            warnings.simplefilter("ignore", category)
        yield
