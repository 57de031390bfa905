"""A scenario of the lots-lead market."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from equilibrium.markets.lots_lead.market import LotsLeadMarket
from scenarios.case import ScenarioKind
from scenarios.markets.charging.case import ChargingCase, build_charging
from scenarios.markets.charging.schema import FILE_KEYS
from scenarios.markets.lots_lead.schema import LotsLeadFile

NO_SECOND_METHOD = "only the nodal market has a second method; here regrets are dual objectives of linear programs"
"""Why the market knows no full certificate."""


@dataclass(frozen=True, eq=False)
class LotsLeadCase(ChargingCase):
    """A checked scenario of the lots-lead market with all its data read."""

    file: LotsLeadFile

    def market(
        self, *, solver: str = "auto", certify: str = "standard", on_infeasible: str | None = None
    ) -> LotsLeadMarket:
        """Open the market; see :meth:`scenarios.case.Case.market`."""
        rules = self.file.market
        if on_infeasible not in (None, "stop", "shed"):
            raise self.refuse("on_infeasible", on_infeasible, "stop or shed")
        if certify != "standard":
            raise self.refuse("certify", certify, f"standard ({NO_SECOND_METHOD})")
        return LotsLeadMarket(
            self.network,
            solver=solver,
            on_infeasible=on_infeasible or rules.on_infeasible,
            value_of_lost_load=rules.value_of_lost_load_per_kwh,
        )


KIND = ScenarioKind(
    name="lots-lead",
    schema=LotsLeadFile,
    case=LotsLeadCase,
    build=partial(build_charging, LotsLeadCase),
    file_keys=FILE_KEYS,
)
