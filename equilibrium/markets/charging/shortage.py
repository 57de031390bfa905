"""Days that no dispatch can serve: which limit fails and by how much, and what it costs to go on.

Two elastic versions of the day's program. *Diagnosis* gives every limit of the network and of the lots a slack
and minimises their sum: what remains positive names the limits. *Shedding* keeps the network's limits hard and lets
load and charging go unserved at the value of lost load.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from equilibrium.arrays import FloatArray, IntArray
from equilibrium.grid.distribution import add_distribution, polygon
from equilibrium.grid.feeder import Feeder
from equilibrium.grid.limits import Slack, reasons
from equilibrium.grid.network import Network
from equilibrium.lengths import Periods, named, period_lengths
from equilibrium.markets.charging.day import MarketDay
from equilibrium.markets.charging.lots import add_lots
from equilibrium.markets.charging.splitting import LotCut, cut_rows
from equilibrium.programs.program import INF, Program, ProgramBuilder
from equilibrium.programs.solvers import Status, open_handle


def compile_shedding(network: Network, day: MarketDay, value_of_lost_load: float) -> Program:
    """Compile the day's joint program with load ``shed_kw`` and charging ``unserved_kwh`` at a price.

    Shedding keeps each bus's power factor of the hour, so its reactive coefficient is a number of this day: the
    program is compiled per day. That is rare and never on the way of an ordinary day.

    Parameters
    ----------
    value_of_lost_load
        Price of a kWh not served, currency/kWh, for load and (battery side) for charging alike.
    """
    build = ProgramBuilder()
    lot_kw = add_distribution(build, network, day.length_h)
    add_lots(build, network.lots, lot_kw, day.length_h)
    shed = build.columns("shed_kw", day.load_kw.shape, upper=0.0, cost=value_of_lost_load * day.length_h[:, None])
    build.upper_ports(shed, build.port("shed_max_kw", shed.shape), 1.0)
    build.coefficients(build.row_index("active_balance"), shed, 1.0)
    factor = np.divide(day.load_kvar, day.load_kw, out=np.zeros_like(day.load_kw), where=day.load_kw != 0.0)
    build.coefficients(build.row_index("reactive_balance"), shed, factor)
    unserved = build.columns("unserved_kwh", lot_kw.shape, upper=0.0, cost=value_of_lost_load)
    build.upper_ports(unserved, build.port("unserved_max_kwh", unserved.shape), 1.0)
    build.coefficients(build.row_index("soe_balance"), unserved, -1.0)
    return build.compile()


def compile_diagnosis(network: Network, periods: Periods) -> tuple[Program, Mapping[str, Slack]]:
    """Compile the joint program in which every limit may be broken at unit cost; costs of energy are left out."""
    feeder, lengths = network.feeder, period_lengths(periods)
    when = named(lengths).removesuffix("s") + " {hour}"
    build = ProgramBuilder()
    lot_kw = add_distribution(build, network, lengths)
    add_lots(build, network.lots, lot_kw, lengths)
    slacks: dict[str, Slack] = {}

    voltage = build.column_index("voltage_kv")
    low, high = feeder.voltage_min_pu * feeder.base_kv, feeder.voltage_max_pu * feeder.base_kv
    band = build.rows("voltage_band", voltage.shape, lower=low, upper=high)
    build.coefficients(band, voltage, 1.0)
    for name, sign, sentence in (
        ("undervoltage", 1.0, f"voltage at bus {{bus}}, {when}, falls {{amount:.4f}} p.u. below the limit"),
        ("overvoltage", -1.0, f"voltage at bus {{bus}}, {when}, rises {{amount:.4f}} p.u. above the limit"),
    ):
        columns = build.columns(name, voltage.shape, cost=1000.0)  # one per volt, beside one per kVA and kWh
        build.coefficients(band, columns, sign)
        slacks[name] = Slack(columns, sentence, 1.0 / feeder.base_kv)

    rated = np.flatnonzero(np.isfinite(feeder.rating_kva))
    # A little less than a kWh that is missing: of two equal ways the one that names the limit.
    overload = build.columns("overload", (lengths.size, feeder.size), cost=0.9)
    # The polygon of a rating that is larger by the slack; what the branch carries beyond its rating is in the flows.
    build.coefficients(build.row_index("branch_polygon"), overload[:, rated, None], -polygon(network.polygon_edges)[2])
    slacks["overload"] = Slack(
        overload,
        f"the branch into bus {{bus}} is overloaded in {when} by {{amount:.1f}} kVA",
        measured=_overload(feeder, build.column_index("flow_kw"), build.column_index("flow_kvar")),
        within=f"the flow into bus {{bus}} in {when} is within the branch's rating, but outside the polygon of "
        f"{network.polygon_edges} edges (market.polygon_edges) that stands for it",
    )

    balance = build.row_index("soe_balance")
    for name, sign, sentence in (
        ("missing", -1.0, f"lot {{lot}} is short of {{amount:.2f}} kWh in {when}"),
        ("excess", 1.0, f"lot {{lot}} holds {{amount:.2f}} kWh too much in {when}"),
    ):
        columns = build.columns(name, lot_kw.shape, cost=1.0)
        build.coefficients(balance, columns, sign)
        slacks[name] = Slack(columns, sentence)
    return build.compile(), slacks


def _overload(feeder: Feeder, flow_kw: IntArray, flow_kvar: IntArray) -> Callable[[FloatArray], FloatArray]:
    """Return how much a solution's flows exceed the ratings, kVA, shape ``(periods, buses)``."""

    def measured(x: FloatArray) -> FloatArray:
        beyond: FloatArray = np.hypot(x[flow_kw], x[flow_kvar]) - feeder.rating_kva
        return np.maximum(beyond, 0.0)

    return measured


def diagnosis_cost(program: Program, slacks: Mapping[str, Slack]) -> FloatArray:
    """Return the objective of the diagnosis: the slacks' costs alone."""
    cost = np.zeros(program.shape[1])
    for slack in slacks.values():
        cost[slack.columns] = program.cost[slack.columns]
    return cost


def diagnose(network: Network, day: MarketDay, ports: Mapping[str, FloatArray], cuts: list[LotCut]) -> tuple[str, ...]:
    """Name the limits that cannot be met, where and by how much, by an elastic re-solve.

    Parameters
    ----------
    ports
        The day's values for the joint program.
    cuts
        What is already known of how the lots' power can be split.
    """
    program, slacks = compile_diagnosis(network, day.length_h)
    voltage = program.columns["voltage_kv"].index.ravel()
    instance = program.bind(ports).with_columns(voltage, -INF, INF)
    if cuts:
        instance = instance.with_rows(*cut_rows(program, cuts, day.length_h, len(network.lots)))
    solution = open_handle(instance.with_cost(diagnosis_cost(program, slacks)), "highs").solve()
    if solution.status is not Status.OPTIMAL:
        return (f"the elastic re-solve ended {solution.status}",)
    return reasons(network, slacks, solution.x)
