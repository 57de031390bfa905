"""Unit commitment: which units run when, what it costs, and which prices go with it."""

from equilibrium.programs.commitment.fuels import Burning, Fuel
from equilibrium.programs.commitment.network import Interface, Line, Network, Outage
from equilibrium.programs.commitment.prices import PRICE_RULES, Prices, price_schedule
from equilibrium.programs.commitment.schedule import Schedule, commit
from equilibrium.programs.commitment.services import Ability, Service
from equilibrium.programs.commitment.storage import Store
from equilibrium.programs.commitment.system import Demand, Reserve, System, Unit

__all__ = [
    "PRICE_RULES",
    "Ability",
    "Burning",
    "Demand",
    "Fuel",
    "Interface",
    "Line",
    "Network",
    "Outage",
    "Prices",
    "Reserve",
    "Schedule",
    "Service",
    "Store",
    "System",
    "Unit",
    "commit",
    "price_schedule",
]
