"""The lossy linear flow: piecewise squared flows on a radial feeder, (2a)-(2g) of docs/disco.md.

It stands beside LinDistFlow (:mod:`equilibrium.grid.distribution`) and shares its signs: flows are those of the sending
end, a branch is named by its receiving bus, and the multiplier of ``active_balance`` is the price at the bus.

The printed set splits a flow into two directions and each direction into segments. For a given flow the least
current that it allows is ``L(|P|) + L(|Q|)``, with L the convex piecewise linear function through the squares at the
ends of the segments. So a square needs one column above the secants of L, and neither directions nor segments, as long
as nobody gains by wasting energy (docs/disco.md, "The lossy flow without binaries"). Whether a square lies on L is
checked afterwards by :func:`square_gaps`; :mod:`equilibrium.grid.directions` has the binaries for the case that it does
not.
"""

from __future__ import annotations

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.errors import InputError
from equilibrium.grid.distribution import VOLTS_PER_KILOVOLT, add_generation, asset_buses
from equilibrium.grid.flow_range import FlowRange
from equilibrium.grid.network import Network
from equilibrium.programs.program import INF, Program, ProgramBuilder

LOSSY_STATE_COLUMNS = ("import_kvar", "flow_kw", "flow_kvar", "current_square", "voltage_square_kv2")
"""Columns that the physics determines once the dispatch and the squares are known."""

LOSSY_STATE_ROWS = (
    "reactive_root",
    "active_balance",
    "reactive_balance",
    "current_definition",
    "voltage_root",
    "voltage_drop",
)
"""The equalities that determine them: as many as there are state columns, and non-singular."""

AXES = (("square_p", "flow_kw"), ("square_q", "flow_kvar"))
"""Columns of the squares and of the flows that they belong to."""

SIDES = (("forward", 1.0), ("reverse", -1.0))
"""The two directions of a flow and their signs."""

LOSSY_FAMILIES = ("secant_p_forward", "secant_p_reverse", "secant_q_forward", "secant_q_reverse")
"""Rows of the secants, shape ``(periods, branches, segments)``: few of a family bind, so take them up one by one."""

WATTS_PER_KILOWATT = 1000.0


def lossy_branches(network: Network) -> IntArray:
    """Return the branches (by receiving bus) that have a current: those with an impedance or a rating."""
    feeder = network.feeder
    return np.flatnonzero((feeder.r_ohm > 0.0) | (feeder.x_ohm > 0.0) | np.isfinite(feeder.rating_kva))


def add_lossy_flow(
    build: ProgramBuilder,
    network: Network,
    periods: int,
    *,
    segments: int = 20,
    flow_range: FlowRange | None = None,
    transformer_efficiency: float = 1.0,
    receiving: bool = False,
) -> IntArray:
    """State the lossy feeder (2a)-(2g), without exports and with curtailable renewables.

    Ports: ``upstream_price`` (periods,), ``load_kw``, ``load_kvar`` (periods, buses), ``renewable_max_kw`` (periods,
    renewables), ``microturbine_max_kva`` (periods, microturbines), ``lot_min_kw``, ``lot_max_kw`` (periods, lots).
    :func:`lossy_ports` fills them.

    Columns: ``import_kw`` (upstream of the transformer), ``import_kvar``, ``flow_kw``, ``flow_kvar`` (sending end),
    ``current_square`` in (kVA/kV)^2 over :func:`lossy_branches`, ``square_p``, ``square_q`` (the squares divided by
    the branch's range, so in kW and kvar), ``voltage_square_kv2``, ``renewable_kw``, ``microturbine_kw``,
    ``microturbine_kvar``, ``compensator_kvar``, ``lot_kw``.

    Parameters
    ----------
    segments
        F of (2d): segments between no flow and the greatest one, the same number on either axis.
    flow_range
        Greatest flows, as :func:`equilibrium.grid.flow_range.largest_flows` finds them. The segments of a branch divide
        its own range, so that its square is overestimated by at most ``(range / F)^2 / 4``. ``None`` takes the ratings.
    transformer_efficiency
        eta^Trans: share of the purchase that reaches the root.
    receiving
        Whether flows are those of the receiving end, (13) to (16) of docs/aggregator.md, instead of the sending one.

    Returns
    -------
    IntArray
        Columns of the lots' net powers ``lot_kw``, consumption positive, shape ``(periods, lots)``.

    Raises
    ------
    InputError
        When a branch has neither a range nor a rating, or a number is out of its domain.
    """
    limits = _checked_range(network, periods, segments, flow_range, transformer_efficiency)
    feeder, branches = network.feeder, lossy_branches(network)
    flow_kw, flow_kvar = _add_purchase(build, periods, limits, transformer_efficiency)
    generation = add_generation(build, network, periods)
    lot_kw = build.columns("lot_kw", (periods, len(network.lots)), lower=0.0, upper=0.0)
    build.lower_ports(lot_kw, build.port("lot_min_kw", lot_kw.shape), 1.0)
    build.upper_ports(lot_kw, build.port("lot_max_kw", lot_kw.shape), 1.0)
    # (5) I <= I^max; the rating is that of nominal voltage.
    greatest = (feeder.rating_kva[branches] / feeder.base_kv) ** 2
    current = build.columns("current_square", (periods, branches.size), upper=greatest)

    _add_balances(build, network, (flow_kw, flow_kvar), current, generation, lot_kw, receiving=receiving)
    _add_squares(build, network, limits, segments, current)
    _add_voltage_squares(build, network, flow_kw, flow_kvar, current, receiving=receiving)
    return lot_kw


def _add_balances(
    build: ProgramBuilder,
    network: Network,
    flows: tuple[IntArray, IntArray],
    current: IntArray,
    generation: dict[str, list[tuple[IntArray, IntArray]]],
    lot_kw: IntArray,
    *,
    receiving: bool,
) -> None:
    """State (2a), (2b): a branch delivers what it sends less its loss, which counts at the bus of the other end."""
    feeder, branches = network.feeder, lossy_branches(network)
    lossy = branches > 0 if receiving else np.full(branches.size, True)
    at = feeder.parent[branches[lossy]] if receiving else branches
    for row_name, load_name, flow, impedance in (
        ("active_balance", "load_kw", flows[0], feeder.r_ohm),  # (2a)
        ("reactive_balance", "load_kvar", flows[1], feeder.x_ohm),  # (2b)
    ):
        row = build.rows(row_name, flow.shape, lower=0.0, upper=0.0)
        build.coefficients(row, flow, 1.0)
        build.coefficients(row[:, feeder.parent[1:]], flow[:, 1:], -1.0)
        build.coefficients(row[:, at], current[:, lossy], -impedance[branches[lossy]] / WATTS_PER_KILOWATT)
        build.row_ports(row, build.port(load_name, row.shape), -1.0)
        if load_name == "load_kw":
            build.coefficients(row[:, asset_buses(network.lots)], lot_kw, -1.0)
        for columns, buses in generation[load_name]:
            build.coefficients(row[:, buses], columns, 1.0)


def _checked_range(
    network: Network, periods: int, segments: int, flow_range: FlowRange | None, transformer_efficiency: float
) -> FlowRange:
    """Return the range of every period and branch, or say what is wrong with it."""
    if not segments >= 1:
        raise InputError("lossy flow", "segments", segments, "at least 1")
    if not 0.0 < transformer_efficiency <= 1.0:
        raise InputError("lossy flow", "transformer_efficiency", transformer_efficiency, "a number in (0, 1]")
    feeder = network.feeder
    shape = (periods, feeder.size)
    given = FlowRange(feeder.rating_kva, feeder.rating_kva) if flow_range is None else flow_range
    limits = FlowRange(*(np.array(np.broadcast_to(side, shape)) for side in (given.kw, given.kvar)))
    for name, side in (("kw", limits.kw), ("kvar", limits.kvar)):
        wrong = ~(side > 0.0) | np.isin(np.arange(feeder.size), lossy_branches(network)) & ~np.isfinite(side)
        if wrong.any():
            period, bus = np.argwhere(wrong)[0]
            raise InputError(
                "lossy flow",
                f"greatest flow ({name}) of the branch to bus {feeder.buses[bus]}, period {period}",
                float(side[period, bus]),
                "a positive finite number: give the branch a rating or pass flow_range (equilibrium.grid.flow_range)",
            )
    return limits


def _add_purchase(
    build: ProgramBuilder, periods: int, limits: FlowRange, efficiency: float
) -> tuple[IntArray, IntArray]:
    """State the purchase at the root, its price, and the flows within (2f)."""
    bought = build.columns("import_kw", (periods,))
    build.cost_ports(bought, build.port("upstream_price", (periods,)), 1.0)
    reactive = build.columns("import_kvar", (periods,), lower=-INF)
    flow_kw = build.columns("flow_kw", limits.kw.shape, lower=-limits.kw, upper=limits.kw)
    flow_kvar = build.columns("flow_kvar", limits.kvar.shape, lower=-limits.kvar, upper=limits.kvar)
    root = build.rows("active_root", (periods,), lower=0.0, upper=0.0)
    build.coefficients(root, bought, efficiency)
    build.coefficients(root, flow_kw[:, 0], -1.0)
    root = build.rows("reactive_root", (periods,), lower=0.0, upper=0.0)
    build.coefficients(root, reactive, 1.0)
    build.coefficients(root, flow_kvar[:, 0], -1.0)
    return flow_kw, flow_kvar


def _add_squares(build: ProgramBuilder, network: Network, limits: FlowRange, segments: int, current: IntArray) -> None:
    """State (2d), (2e) as columns above secants.

    With ``S = F dS`` the column is ``square = L / S``. The secant of segment f of the square is
    ``(2 f - 1) dS x - f (f - 1) dS^2``; divided by S its slope is ``(2 f - 1) / F``, whatever the branch.
    """
    branches = lossy_branches(network)
    step = np.arange(1, segments + 1)
    slope = (2.0 * step - 1.0) / segments
    definition = build.rows("current_definition", current.shape, lower=0.0, upper=0.0)
    build.coefficients(definition, current, 1.0)
    for (square_name, flow_name), limit in zip(AXES, (limits.kw, limits.kvar), strict=True):
        span = limit[:, branches]
        flow = build.column_index(flow_name)[:, branches]
        square = build.columns(square_name, span.shape, upper=span)
        build.coefficients(definition, square, -span / network.feeder.base_kv**2)
        cut = step * (step - 1.0) / segments**2 * span[..., None]
        for side, sign in SIDES:
            row = build.rows(secant_rows(square_name, side), (*span.shape, segments), lower=-cut)
            build.coefficients(row, square[..., None], 1.0)
            build.coefficients(row, flow[..., None], -sign * slope)


def secant_rows(square: str, side: str) -> str:
    """Return the name of the secants' rows of a square column, ``forward`` or ``reverse``."""
    return f"{square.replace('square', 'secant')}_{side}"


def _add_voltage_squares(
    build: ProgramBuilder,
    network: Network,
    flow_kw: IntArray,
    flow_kvar: IntArray,
    current: IntArray,
    *,
    receiving: bool,
) -> None:
    """State (2c), (2g), (6) in kV^2: ohm times kW is a thousandth of it, ohm^2 (kVA/kV)^2 a millionth."""
    feeder, branches = network.feeder, lossy_branches(network)
    periods = flow_kw.shape[0]
    voltage = build.columns(
        "voltage_square_kv2",
        (periods, feeder.size),
        lower=(feeder.voltage_min_pu * feeder.base_kv) ** 2,
        upper=(feeder.voltage_max_pu * feeder.base_kv) ** 2,
    )
    held = (feeder.root_voltage_pu * feeder.base_kv) ** 2
    root = build.rows("voltage_root", (periods,), lower=held, upper=held)
    build.coefficients(root, voltage[:, 0], 1.0)
    drop = build.rows("voltage_drop", (periods, feeder.size - 1), lower=0.0, upper=0.0)
    build.coefficients(drop, voltage[:, 1:], 1.0)
    build.coefficients(drop, voltage[:, feeder.parent[1:]], -1.0)
    build.coefficients(drop, flow_kw[:, 1:], 2.0 * feeder.r_ohm[1:] / VOLTS_PER_KILOVOLT)
    build.coefficients(drop, flow_kvar[:, 1:], 2.0 * feeder.x_ohm[1:] / VOLTS_PER_KILOVOLT)
    inner = branches > 0
    impedance = feeder.r_ohm**2 + feeder.x_ohm**2
    below = branches[inner]
    sign = 1.0 if receiving else -1.0
    build.coefficients(drop[:, below - 1], current[:, inner], sign * impedance[below] / VOLTS_PER_KILOVOLT**2)


def compile_lossy(
    network: Network,
    periods: int,
    *,
    segments: int = 20,
    flow_range: FlowRange | None = None,
    transformer_efficiency: float = 1.0,
) -> Program:
    """Compile the lossy feeder alone; arguments as in :func:`add_lossy_flow`."""
    build = ProgramBuilder()
    add_lossy_flow(
        build,
        network,
        periods,
        segments=segments,
        flow_range=flow_range,
        transformer_efficiency=transformer_efficiency,
    )
    return build.compile()


def lossy_ports(
    network: Network,
    *,
    load_kw: FloatArray,
    load_kvar: FloatArray,
    renewable_max_kw: FloatArray,
    upstream_price: FloatArray,
    lot_min_kw: FloatArray | float = -INF,
    lot_max_kw: FloatArray | float = INF,
    microturbine_max_kva: FloatArray | float = INF,
) -> dict[str, FloatArray]:
    """Return the values of the ports of :func:`add_lossy_flow`.

    Parameters
    ----------
    load_kw, load_kvar
        Loads, shape ``(periods, buses)``.
    renewable_max_kw
        Potentials, shape ``(periods, renewables)``.
    upstream_price
        Cost of one kW bought for one period, shape ``(periods,)``: the price per kWh times the period's length.
    lot_min_kw, lot_max_kw
        Limits of the lots' net powers, shape ``(periods, lots)``; equal ones fix them. By default the rest of the
        program (the vehicles) sets them.
    microturbine_max_kva
        Limits of the microturbines, shape ``(periods, microturbines)``; infinite where the rating rules.
    """
    periods = np.shape(load_kw)[0]
    return {
        "upstream_price": np.broadcast_to(upstream_price, (periods,)),
        "load_kw": load_kw,
        "load_kvar": load_kvar,
        "renewable_max_kw": renewable_max_kw,
        "microturbine_max_kva": np.broadcast_to(microturbine_max_kva, (periods, len(network.microturbines))),
        "lot_min_kw": np.broadcast_to(lot_min_kw, (periods, len(network.lots))),
        "lot_max_kw": np.broadcast_to(lot_max_kw, (periods, len(network.lots))),
    }


def loss_kw(network: Network, program: Program, x: FloatArray) -> FloatArray:
    """Return the losses of every branch by receiving bus, kW, shape ``(periods, buses)``: ``R I2``."""
    current = program.value(x, "current_square")
    branches = lossy_branches(network)
    loss = np.zeros((current.shape[0], network.feeder.size))
    loss[:, branches] = network.feeder.r_ohm[branches] / WATTS_PER_KILOWATT * current
    return loss


def voltage_pu(network: Network, program: Program, x: FloatArray) -> FloatArray:
    """Return the voltages, per unit, shape ``(periods, buses)``."""
    return np.asarray(np.sqrt(program.value(x, "voltage_square_kv2")) / network.feeder.base_kv)


def square_gaps(network: Network, program: Program, x: FloatArray) -> dict[str, FloatArray]:
    """Return how far each square lies above ``L(|flow|)``, relative to the greatest square of its branch.

    Zero everywhere means that directions are exclusive and segments are filled in order: ``x`` is then a point of the
    printed set (2a)-(2g), although no binary was stated.

    Returns
    -------
    dict
        ``square_p`` and ``square_q``, shape ``(periods, branches)``.
    """
    gaps = {}
    for square_name, flow_name in AXES:
        square, span, flow = squares_of(network, program, x, square_name, flow_name)
        segments = program.rows[secant_rows(square_name, "forward")].shape[-1]
        gaps[square_name] = square / span - piecewise_square(np.abs(flow) / span, segments)
    return gaps


def piecewise_square(share: FloatArray, segments: int) -> FloatArray:
    """Return L: the square of ``share`` in [0, 1], interpolated between multiples of ``1 / segments``."""
    step = np.clip(np.ceil(share * segments), 1.0, segments)
    return np.asarray((2.0 * step - 1.0) / segments * share - step * (step - 1.0) / segments**2)


def squares_of(
    network: Network, program: Program, x: FloatArray, square_name: str, flow_name: str
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return square, range and flow of the branches that have a current, each of shape ``(periods, branches)``."""
    block, flows = program.columns[square_name], program.columns[flow_name]
    square = program.value(x, square_name)
    return square, program.col_upper[block.slice].reshape(block.shape), x[flows.index[:, lossy_branches(network)]]
