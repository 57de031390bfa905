"""What the nodal market compiles once for each sequence of period lengths."""

from __future__ import annotations

from dataclasses import dataclass

from equilibrium.arrays import FloatArray
from equilibrium.grid.distribution import compile_distribution
from equilibrium.grid.network import Network
from equilibrium.markets.charging.lots import refuse_subscriptions
from equilibrium.markets.nodal.apart.game import HoursApart
from equilibrium.markets.nodal.efficient import EfficientSchedules
from equilibrium.markets.nodal.joined.game import HoursJoined
from equilibrium.markets.nodal.play import Structure
from equilibrium.programs.coupling import joined_hours
from equilibrium.programs.program import Program


@dataclass(frozen=True, eq=False)
class Compiled:
    """What is compiled for days of some periods: the operator's program, as a structure of hours, and the welfare's."""

    program: Program
    efficient: EfficientSchedules
    structure: Structure

    @classmethod
    def of(cls, network: Network, solver: str, length_h: FloatArray) -> Compiled:
        """Compile the programs for periods of these lengths."""
        program = compile_distribution(network, length_h)
        joined = max(joined_hours(program, "lot_kw"), key=len, default=())
        structure: Structure
        if len(joined) > 1:
            refuse_subscriptions(network.lots, "none where storage or ramp limits join the hours of a day")
            structure = HoursJoined(network, program, joined, length_h, solver)
        else:
            structure = HoursApart(network, program, length_h, solver)
        return cls(program, EfficientSchedules(network, length_h, solver), structure)
