"""The free numbers behind each reproduction as its report lists them: name, value, how many there are, whence."""

from __future__ import annotations

import pytest

from tests.sim.test_constants import LISTS

TOLD = {
    "epec-lots": """
energy at departure (kWh) | 30.8783 | 1 fitted
residential_pu: mean of the day | 0.6267 | 1 fitted
residential_pu: shape over the hours | 0.41 to 1 | 23 chosen
industrial_pu: mean of the day | 0.3987 | 1 fitted
industrial_pu: shape over the hours | 0.06 to 1 | 23 chosen
pv_pu: mean of the day | 0.2954 | 1 fitted
pv_pu: shape over the hours | 0 to 0.9 | 23 chosen
wind_pu: mean of the day | 0.6504 | 1 fitted
wind_pu: shape over the hours | 0.52 to 0.92 | 23 chosen
price_eur_per_mwh: mean of the day | 44.54 | 1 fitted
price_eur_per_mwh: shape over the hours | 35.5 to 64 | 23 chosen
vehicles in three lots by hour: plugged, arrivals, departures | 423 arrivals | 144 chosen
energy at arrival (kWh) | 15 | 1 chosen
least energy (kWh) | 10 | 1 chosen
battery (kWh) | 50 | 1 chosen
rating of branches (kVA) | 5000 | 1 chosen
voltage bands (p.u.) | 0.90-1.10, 0.95-1.05 | 2 chosen
polygon edges | 12 | 1 chosen
buses of wind, the others sun | 33 buses: 12, 29; 85 buses: 12, 41 | 7 chosen
industrial loads (kW) | 33 buses: 400, 450, 550; 85 buses: 56, 112 | 2 chosen
bus of the second microturbine, 85 buses | 33 | 1 chosen
voltage at the root (p.u.) | 1 | 1 chosen
order of the agents | 0 | 1 chosen
first hour of a lot | corrected | 1 chosen
""",
    "disco-cvar": """
load on-peak (MWh) | 18 | 1 fitted
load mid-peak (MWh) | 24.3 | 1 fitted
load off-peak (MWh) | 17.2 | 1 fitted
price on-peak, mean (USD/MWh) | 262.14 | 1 fitted
price mid-peak, mean (USD/MWh) | 116.12 | 1 fitted
price off-peak, mean (USD/MWh) | 41.444 | 1 fitted
spread of the day's factor on wind and sun | 0.05 | 1 fitted
contracted reduction over on-peak load | 0.43 | 1 fitted
sign of the penalty of CAP | -1 | 1 fitted
load: shape in the periods (MW) | 1.651 to 3.185 | 21 chosen
price: shape in the periods (USD/MWh) | 35 to 330 | 21 chosen
wind: shape over the hours | 0.4227 to 0.7972 | 23 chosen
sun: shape over the hours | 0 to 0.735 | 11 chosen
limit of branches to bus 6 (A) | 400 | 1 chosen
mode of behaviour | windows | 1 chosen
draws of vehicles | independent | 1 chosen
scenarios kept | 10 | 1 chosen
samples drawn | 1000 | 1 chosen
seed | 0 | 1 chosen
weather | profile | 1 chosen
mean of the day's factor | 1 | 1 chosen
least factor of a day | 0.3 | 1 chosen
greatest factor of a day | 1.6 | 1 chosen
what drivers pay above the tariff | 0 | 1 chosen
critical hours hold for the lot | True | 1 chosen
segments of a flow's square | 20 | 1 chosen
efficiency of the transformer | 1 | 1 chosen
lower voltage limit (p.u.) | 0.9 | 1 chosen
upper voltage limit (p.u.) | 1.1 | 1 chosen
limit of branches (A) | 200 | 1 chosen
""",
    "disco-dr": """
load on-peak (MWh) | 12.133 | 1 fitted
load mid-peak (MWh) | 7.913 | 1 fitted
load off-peak (MWh) | 12.123 | 1 fitted
load in the critical hours (MWh) | 4.773 | 1 fitted
critical hours | 19-21 | 1 fitted
RTP over upstream price | 1.086 | 1 fitted
price on-peak, mean (USD/MWh) | 347 | 1 fitted
price mid-peak, mean (USD/MWh) | 151.67 | 1 fitted
price off-peak, mean (USD/MWh) | 35.1 | 1 fitted
price at 10-12 and 14 h, mean (USD/MWh) | 525.75 | 1 fitted
price at 5 and 7 h, one USD lower, mean (USD/MWh) | 33.5 | 1 fitted
contracted reduction over on-peak load | 0.82 | 1 fitted
factor on wind and sun | 1.25 | 1 fitted
factor on the impedances | 0.69 | 1 fitted
bus of the lot | 9 | 1 fitted
bus of wind and sun | 9 | 1 fitted
spread of the day's factor on wind and sun | 0.25 | 1 chosen
load: shape in the periods (MW) | 1.09 to 1.61 | 20 chosen
price: shape in the periods (USD/MWh) | 31 to 536 | 19 chosen
wind: shape and level | 0.35 to 0.66 | 24 chosen
sun: shape and level | 0 to 0.68 | 12 chosen
tariffs of I/C | 0.2 | 1 chosen
mode of behaviour | windows | 1 chosen
draws of vehicles | independent | 1 chosen
scenarios kept | 20 | 1 chosen
samples drawn | 1000 | 1 chosen
seed | 0 | 1 chosen
weather | profile | 1 chosen
mean of the day's factor | 1 | 1 chosen
least factor of a day | 0.3 | 1 chosen
greatest factor of a day | 1.6 | 1 chosen
what drivers pay above the tariff | 0 | 1 chosen
critical hours hold for the lot | True | 1 chosen
segments of a flow's square | 20 | 1 chosen
efficiency of the transformer | 1 | 1 chosen
lower voltage limit (p.u.) | 0.95 | 1 chosen
upper voltage limit (p.u.) | 1.05 | 1 chosen
limit of branches (A) | 150 | 1 chosen
""",
    "aggregator": """
spot prices (cents) | 5, 4.2, 3.8, 3.6, 3.5, 3.6, ... (24 in all) | 24 chosen
reserve prices (cents) | 1.8, 1.6, 1.5, 1.4, 1.4, 1.5, ... (24 in all) | 24 chosen
arrivals by hour | 0, 0, 0, 0, 0, 2, ... (24 in all) | 24 chosen
shares of stays | 0.16, 0.15, 0.12, 0.1, 0.09, 0.09, ... (12 in all) | 12 chosen
variation of the arrivals | 0.25 | 1 chosen
load profile and its peak (kW) | 0.62, 0.57, 0.54, 0.53, 0.53, 0.56, ... (25 in all) | 25 chosen
time-of-use tariff (cents) | 9, 9, 9, 9, 9, 9, ... (24 in all) | 24 chosen
generators: cost (cents), capacity (kW) | DG1, 7.5, 500, DG2, 8.8, 300, ... (9 in all) | 9 chosen
battery (kWh), energy at arrival, limits | 24, 0.3, 0.2, 0.95 | 4 chosen
probabilities of call and failure | 0.05, 0.02 | 2 chosen
efficiencies | 0.9, 0.95 | 2 chosen
tariffs of the lot (cents) | 13, 12, 10, 11, 0.5 | 5 chosen
incentive (cents), interruptible share | 1.5, 0.1 | 2 chosen
buses of the lot and the generators | 3, 25, 19, 35, 18, 8, ... (12 in all) | 12 chosen
limits and losses of the network | 400, 5, 200, 20, 200, 20, ... (7 in all) | 7 chosen
higher cap of case II (cents) | 13.5 | 1 chosen
days drawn | 3 | 1 chosen
nodes of the searches of a day | 20000 | 1 chosen
voltage limits that bind (per unit) | 0.9729, 0.9333, 0.9443 | 3 chosen
tariffs of the sweep (cents) | 12, 11.2, 11, 10.5, 10, 9, ... (7 in all) | 7 chosen
""",
    "two-settlement": """
joint scenarios, and their seed | 5, 2022 | 2 chosen
prices by hour (MU/MWh) | 25, 18, 12, 11, 14, 30, ... (24 in all) | 24 chosen
load by hour over nominal | 0.72, 0.68, 0.66, 0.65, 0.67, 0.75, ... (24 in all) | 24 chosen
other prices, from that of energy | 0.97, 0.25, 0.5, 60, 0.6, 40, ... (8 in all) | 8 chosen
spread of prices, loads, sun and wind | 0.12, 0.7, 0.2, 0.4, 0.05, 0.4 | 6 chosen
generators | 3, 13, 18, 27, 33, 48, ... (23 in all) | 23 chosen
sun, wind and storage | 9, 25, 43, 60, 15, 29, ... (15 in all) | 15 chosen
aggregators' prices over the market's | 0.9, 1.05 | 2 chosen
aggregators of demand | 5, 19, 36, 55, 150, 0.4, ... (8 in all) | 8 chosen
aggregators of lots | 8, 22, 42, 61, 20, 13, ... (9 in all) | 9 chosen
values of lost load (MU/MWh) | 20000, 80000, 120000 | 3 chosen
penalties and prices that turn | 1.5, 20, 0.15 | 3 chosen
scenarios of the other studies | 8, 3 | 2 chosen
budgets | 0, 6, 12, 24 | 4 chosen
""",
}


@pytest.mark.parametrize("name", TOLD)
def test_the_free_numbers_of_a_reproduction(name: str) -> None:
    constants = LISTS[name][0]()
    told = [f"{each.name} | {each.value} | {each.numbers} {each.origin.value}" for each in constants if each.numbers]
    assert told == TOLD[name].strip().splitlines()
