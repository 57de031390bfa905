"""What the DISCO market returns: every scenario's dispatch, accounts, values and the certificate."""

from __future__ import annotations

from dataclasses import dataclass

from equilibrium.arrays import FloatArray
from equilibrium.certificate import Certificate
from equilibrium.fleet.day import VehicleSchedule


@dataclass(frozen=True, eq=False)
class ScenarioClearing:
    """One scenario of a cleared day. Powers in kW, shapes ``(periods, ...)``.

    Attributes
    ----------
    probability
        rho_w.
    import_kw
        Power bought at the substation, shape ``(periods,)``.
    renewable_kw
        Shape ``(periods, renewables)``.
    lot_charge_kw, lot_discharge_kw
        Sums over the vehicles of each lot, shape ``(periods, lots)``.
    loss_kw
        Losses of each branch (by receiving bus), shape ``(periods, buses)``.
    flow_kw, flow_kvar, voltage_pu
        Sending-end branch flows (by receiving bus) and voltages, shape ``(periods, buses)``.
    price
        Marginal cost of the company for one more kWh of load at each bus, currency/kWh, shape ``(periods, buses)``.
        With purchases here and now: that of its objective, so that prices of the scenarios add up.
    vehicles
        One schedule per lot.
    accounts
        Amounts of the day by name, currency; see :data:`COMPANY` and :data:`LOT`.
    company_profit
        B_w of the company, currency.
    lot_profit
        Profit of each lot, currency, shape ``(lots,)``.
    lot_maximum
        The most that each lot could earn in this mode at these tariffs, currency, shape ``(lots,)``: v* of the lower
        level. In mode ``windows`` lots do not decide, and ``lot_maximum - lot_profit`` is what that costs them.
    """

    probability: float
    import_kw: FloatArray
    renewable_kw: FloatArray
    lot_charge_kw: FloatArray
    lot_discharge_kw: FloatArray
    loss_kw: FloatArray
    flow_kw: FloatArray
    flow_kvar: FloatArray
    voltage_pu: FloatArray
    price: FloatArray
    vehicles: tuple[VehicleSchedule, ...]
    accounts: dict[str, float]
    company_profit: float
    lot_profit: FloatArray
    lot_maximum: FloatArray


COMPANY = {
    "load_income": 1.0,
    "lot_charging_income": 1.0,
    "v2g_payment": -1.0,
    "upstream_cost": -1.0,
    "response_cost": -1.0,
    "emission_reward": 1.0,
}
"""Accounts of the company and the sign with which each enters its profit."""

LOT = {
    "driver_income": 1.0,
    "lot_charging_income": -1.0,
    "v2g_payment": 1.0,
    "driver_payment": -1.0,
    "degradation_cost": -1.0,
}
"""Accounts of the lots (summed over lots) and the sign with which each enters their profit."""


@dataclass(frozen=True, eq=False)
class DiscoClearing:
    """One cleared day of the DISCO market.

    Attributes
    ----------
    mode, purchases
        Behaviour mode, and ``recourse`` or ``here-and-now``.
    scenarios
        One per scenario of the day.
    alpha, beta
        Level of the CVaR and its weight.
    expected_profit, cvar, value_at_risk
        Of the company over the scenarios, currency: E, CVaR_alpha and VaR_alpha of profit (lower tail).
    objective
        ``(1 - beta) E + beta CVaR``.
    lot_expected_profit
        Shape ``(lots,)``.
    pessimistic
        Interval that holds the company's objective if lots broke their ties against it: proven lower end, and the
        value at a schedule that was found (the two meet where that is exact); both equal ``objective`` where lots
        do not decide (mode ``windows``). The lower end is ``-inf`` when it cannot be excluded that a lot-optimal
        schedule exists that the network cannot serve, both ends are when one was found.
    certificate
        ``regret`` holds the company's and then each lot's.
    seconds, solver_seconds
        Wall time of the clearing, and the part inside solvers.
    """

    mode: str
    purchases: str
    scenarios: tuple[ScenarioClearing, ...]
    alpha: float
    beta: float
    expected_profit: float
    cvar: float
    value_at_risk: float
    objective: float
    lot_expected_profit: FloatArray
    pessimistic: tuple[float, float]
    certificate: Certificate
    seconds: float
    solver_seconds: float
