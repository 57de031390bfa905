"""A scenario of the nodal market."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from equilibrium.certificate import LEVELS
from equilibrium.markets.nodal.market import NodalMarket
from scenarios.case import ScenarioKind
from scenarios.markets.charging.case import ChargingCase, build_charging
from scenarios.markets.charging.schema import FILE_KEYS
from scenarios.markets.nodal.schema import NodalFile, NodalLotSection

NO_SHORTAGES = "the nodal market prices no shortages"
"""Why the market cannot go on where a day cannot be served."""


@dataclass(frozen=True, eq=False)
class NodalCase(ChargingCase):
    """A checked scenario of the nodal market with all its data read."""

    file: NodalFile

    @property
    def lots(self) -> tuple[NodalLotSection, ...]:
        """The lots' settings, in the order of the network's lots."""
        return self.file.lots

    def market(
        self, *, solver: str = "auto", certify: str = "standard", on_infeasible: str | None = None
    ) -> NodalMarket:
        """Open the market; see :meth:`scenarios.case.Case.market`."""
        rules = self.file.market
        if on_infeasible not in (None, "stop"):
            raise self.refuse("on_infeasible", on_infeasible, f"stop ({NO_SHORTAGES})")
        if certify not in LEVELS:
            raise self.refuse("certify", certify, f"one of {', '.join(LEVELS)}")
        return NodalMarket(
            self.network,
            behaviours=tuple(lot.behaviour for lot in self.lots),
            solver=solver,
            iteration=rules.iteration,
            certify=certify,
            node_limit=rules.node_limit,
            time_limit_s=rules.time_limit_s,
        )


KIND = ScenarioKind(
    name="nodal",
    schema=NodalFile,
    case=NodalCase,
    build=partial(build_charging, NodalCase),
    file_keys=FILE_KEYS,
)
