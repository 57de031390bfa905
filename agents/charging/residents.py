"""The residents of a group of homes: they come home to their own lot, whatever others charge."""

from __future__ import annotations

from mesa import Model

from agents.base import MarketAgent
from agents.charging.lot import ParkingLot
from equilibrium.markets.charging.clearing import Clearing
from scenarios.markets.charging.day import ScenarioDay


class Residents(MarketAgent[ScenarioDay, Clearing]):
    """Who lives behind one connection and charges there.

    They remember nothing and choose nothing: when their vehicles charge is the matter of their lot.

    Parameters
    ----------
    model
        The Mesa model.
    lot
        Their homes.
    """

    def __init__(self, model: Model, *, lot: ParkingLot) -> None:
        super().__init__(model)
        self.lot = lot

    def observe(self, day: ScenarioDay) -> None:
        """Come home; the lot must have observed the day before.

        Raises
        ------
        RuntimeError
            When there are more vehicles than places: the scenario's check has failed.
        """
        for session in day.residents[self.lot.index]:
            if not self.lot.admit(session, 1):
                raise RuntimeError(f"lot {self.lot.name}: no place for its own residents")

    def settle(self, clearing: Clearing) -> None:
        """Do nothing: the homes' lot has moved their energies."""

    def record(self) -> None:
        """Return nothing: their sessions are records of the lot."""
