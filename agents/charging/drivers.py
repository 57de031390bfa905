"""The drivers: a population that chooses among lots and remembers how it was served."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mesa import Model

from agents.base import MarketAgent
from agents.charging.lot import ParkingLot
from agents.charging.records import DriversRecord
from agents.records import Outcome, SessionRecord
from agents.reputation import Reputation
from equilibrium.arrays import FloatArray, IntArray
from equilibrium.markets.charging.clearing import Clearing
from scenarios.agent_order import places
from scenarios.markets.charging.day import ScenarioDay
from scenarios.markets.charging.driver_schema import ChoiceSection
from scenarios.session import Session
from scenarios.streams import Streams


class Drivers(MarketAgent[ScenarioDay, Clearing]):
    """All who want to charge.

    **Choice.** The utility of lot ``l`` for a driver is

        U_l = b_price * price_l + b_walk * walk_l + b_experience * reputation_l + noise_l

    with independent standard Gumbel noise, the multinomial logit: among the lots that are left, ``l`` is tried next
    with probability ``exp(V_l) / sum(exp(V))``, where V is U without the noise. A driver ranks the lots once, by U;
    going down the ranking is the same as drawing from the logit again and again without replacement (Luce's choice
    axiom). After ``patience`` full lots, or all of them, the driver is turned away. The walk to the lot where the
    session was recorded is zero: that is where this driver wants to be.

    With an outside option, to charge at home or to drive on, there is one alternative more,

        U_0 = b_price * price_0 + constant + noise_0 ,

    and who ranks it above every lot that is left stays away. What they draw elsewhere is no load of this feeder.

    **Experience.** Every visit is graded: 0 when the lot was full, else the share of the asked energy that the driver
    left with. A day's mean grade enters the :class:`~agents.reputation.Reputation` of the lot.

    Parameters
    ----------
    model
        The Mesa model.
    lots
        The lots, in the order of the network; drivers choose among those that are no homes.
    choice
        The coefficients b, per currency/kWh, per m and per unit of reputation, and the memory.
    streams
        The run's random streams; the drivers draw from ``choices``.
    agent_order
        The order of the lots, as in :mod:`scenarios.agent_order`: a lot's noise goes with its place in the scenario.
        Those who arrive at the same moment come in the order of that number too.

    Attributes
    ----------
    reputation
        What the drivers think of the lots.
    turned_away, stayed_away
        Records of today's drivers who found no place, and of those who stayed away, in order of arrival.

    References
    ----------
    D. McFadden, "Conditional logit analysis of qualitative choice behavior", in Frontiers in Econometrics, 1974.
    """

    def __init__(
        self,
        model: Model,
        *,
        lots: Sequence[ParkingLot],
        choice: ChoiceSection,
        streams: Streams,
        agent_order: int = 0,
    ) -> None:
        super().__init__(model)
        self.lots = tuple(lots)
        self._public = tuple(number for number, lot in enumerate(self.lots) if not lot.homes)
        self.choice = choice
        self._agent_order = agent_order
        self.reputation = Reputation(len(self.lots), choice.experience_memory)
        self.turned_away: tuple[SessionRecord, ...] = ()
        self.stayed_away: tuple[SessionRecord, ...] = ()
        self._streams = streams
        self._refusals: IntArray = np.zeros(len(self.lots), dtype=np.int64)

    def attraction(self, home_lot: IntArray) -> FloatArray:
        """Return the utility of the public lots without their prices and without the noise.

        Parameters
        ----------
        home_lot
            Index of the lot where each session was recorded, or -1, shape ``(drivers,)``.

        Returns
        -------
        FloatArray
            Shape ``(drivers, public lots)``.
        """
        walk = np.tile([lot.walking_m for lot in self.lots], (home_lot.size, 1))
        known = np.flatnonzero(home_lot >= 0)
        walk[known, home_lot[known]] = 0.0
        of_all = self.choice.walking_utility_per_m * walk + self.choice.experience_utility * self.reputation.values
        attraction: FloatArray = of_all[:, self._public]
        return attraction

    def utility(self, home_lot: IntArray) -> FloatArray:
        """Return V, the utility of the public lots without the noise, and last that of staying away where one can.

        Parameters
        ----------
        home_lot
            As in :meth:`attraction`.

        Returns
        -------
        FloatArray
            Shape ``(drivers, public lots)``, with one column more where there is an outside option.
        """
        price = np.array([self.lots[lot].price for lot in self._public])
        utility = self.choice.price_utility_per_kwh * price + self.attraction(home_lot)
        outside = self.choice.outside
        if outside is None:
            return utility
        away = self.choice.price_utility_per_kwh * outside.price_per_kwh + outside.constant
        return np.column_stack([utility, np.full(home_lot.size, away)])

    def observe(self, day: ScenarioDay) -> None:
        """Arrive one after the other and choose a lot; the lots must have observed the day before."""
        self._refusals[:] = 0
        sessions = sorted(day.sessions, key=lambda session: session.arrival_h)
        home_lot = np.array([session.home_lot for session in sessions], dtype=np.int64)
        generator = self._streams.generator("choices", day.index)
        utility = self.utility(home_lot)
        noise = generator.gumbel(size=utility.shape)[:, self._noise_columns(utility.shape[1])]
        ranking = np.argsort(-(utility + noise), axis=1, kind="stable").tolist()
        without: dict[Outcome, list[SessionRecord]] = {Outcome.FULL: [], Outcome.AWAY: []}
        arrival_h = np.array([session.arrival_h for session in sessions])
        together = places(self._agent_order, len(sessions))
        for turn in np.lexsort((together, arrival_h)).tolist():
            session = sessions[turn]
            outcome, tries = self._look_for_a_place(session, ranking[turn])
            if outcome is not None:
                without[outcome].append(_without_a_place(session, day.index, day.start_h, tries, outcome))
        self.turned_away, self.stayed_away = tuple(without[Outcome.FULL]), tuple(without[Outcome.AWAY])

    def _noise_columns(self, alternatives: int) -> IntArray:
        """Return for every alternative the column of its noise: the public lots as the scenario lists them."""
        listed = places(self._agent_order, len(self.lots))[list(self._public)]
        columns: IntArray = np.arange(alternatives)
        columns[: listed.size] = np.argsort(np.argsort(listed))
        return columns

    def _look_for_a_place(self, session: Session, ranked: list[int]) -> tuple[Outcome | None, int]:
        """Try the alternatives in order; return why there is no place, ``None`` where there is, and the lots tried."""
        tries = 0
        for alternative in ranked:
            if tries == session.patience:
                break
            if alternative == len(self._public):
                return Outcome.AWAY, tries
            tries, lot = tries + 1, self._public[alternative]
            if self.lots[lot].admit(session, tries):
                return None, tries
            self._refusals[lot] += 1
        return Outcome.FULL, tries

    def settle(self, clearing: Clearing) -> None:  # noqa: ARG002 - drivers learn from what their lot gave them
        """Grade today's visits and update the reputations; the lots must have settled before."""
        for lot in self._public:
            grades = [done.served_share for done in self.lots[lot].finished]
            self.reputation.learn(lot, sum(grades), len(grades) + int(self._refusals[lot]))

    def record(self) -> DriversRecord:
        """Return the record of the settled day."""
        return DriversRecord(self.turned_away, self.stayed_away, self.reputation.values.copy())


def _without_a_place(session: Session, day: int, start_h: float, tries: int, outcome: Outcome) -> SessionRecord:
    """Return the record of a driver who got no place."""
    return SessionRecord(
        name=session.name,
        arrival_day=day,
        lot="",
        home_lot=session.home_lot,
        arrival_h=start_h + session.arrival_h,
        departure_h=start_h + session.departure_h,
        tries=tries,
        battery_kwh=session.battery_kwh,
        arrival_energy_kwh=session.arrival_energy_kwh,
        asked_kwh=session.energy_kwh,
        unreachable_kwh=0.0,
        got_kwh=0.0,
        drawn_kwh=0.0,
        paid=0.0,
        outcome=outcome,
    )
