"""What the statements about lots that lead say of the results: sentences that were compared with the tables by hand."""

from __future__ import annotations

from dataclasses import replace

from sim.reproduce.epec_lots.compute import Results
from sim.reproduce.epec_lots.statements import statements
from sim.reproduce.epec_lots.study import make_report

REASONS = [
    ("N1", "7.070000 to 7.070000 MWh over 12 runs: an identity of the lots' data"),
    ("N2", "23.2 % and 34.3 %"),
    (
        "N3",
        "wrong wording of the paper (E6): 52.2 and 62.8 % are case 1's reductions; the increases over case 1 "
        "are 109 and 169 %",
    ),
    ("N4", "revenue 3535 EUR in all 12 runs, microturbine energy up to 10.80 MWh"),
    (
        "O1",
        "EUR, 33-bus 0.90-1.10: 1936.1, 2018.6, 2704.6; 33-bus 0.95-1.05: 1936.8, 2020.1, 2704.9; 85-bus "
        "0.90-1.10: 820.1, 899.3, 1577.1; 85-bus 0.95-1.05: 823.5, 908.7, 1582.4",
    ),
    ("O2", "EUR, 33-bus: 2512, 2320, 2128, 1936, 1744, 1553, 1178; 85-bus: 1386, 1194, 1003, 820, 647, 478, 157"),
    (
        "O3",
        "EUR, 33-bus: 148, 692, 1312, 1936, 2186, 2561; 85-bus: -75, 211, 505, 820, 953, 1154; infeasible: "
        "33-bus x 1.5, 85-bus x 2; highest voltage 1.042 p.u., limit 1.10",
    ),
    ("O4", "2018.6 and 2704.6 EUR"),
    ("O4", "444.0 and 444.0 EUR"),
    ("O4", "32.98, 43.78, 50.50 MWh"),
    ("O4", "899.3 and 1577.1 EUR"),
    ("O4", "391.0 and 434.6 EUR"),
    ("O4", "10.57, 20.33, 26.53 MWh"),
    ("O5", "at most 0.0 kWh a day"),
    ("O5", "231 and 231 kW in hour 2"),
    ("O5", "46.12, 41.74, 37.36, 32.98, 28.69, 24.57, 16.82 MWh"),
    ("O5", "444.00, 444.00, 444.00, 444.00, 440.32, 430.08, 420.00 EUR"),
    ("O5", "0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.77 MWh"),
    ("O5", "3.64, 6.94, 19.96, 32.98, 38.40, 46.54 MWh"),
    ("O5", "86.35, 404.22, 422.33, 444.00, 444.00, 444.00 EUR"),
    ("O5", "2.70, 0.21, 0.00, 0.00, 0.00, 0.00 MWh"),
    ("O5", "22.27, 18.03, 13.89, 10.57, 7.60, 5.70, 3.94 MWh"),
    ("O5", "427.63, 419.84, 407.58, 390.97, 376.66, 335.46, 179.55 EUR"),
    ("O5", "0.00, 0.00, 0.00, 0.70, 1.77, 3.22, 6.32 MWh"),
    ("O5", "0.79, 4.01, 5.55, 10.57, 13.09, 16.87 MWh"),
    ("O5", "48.00, 155.16, 340.75, 390.97, 402.37, 419.95 EUR"),
    ("O5", "4.93, 3.30, 1.96, 0.70, 0.44, 0.07 MWh"),
    ("O6", "10.20 and 0.60 MWh; the second runs in hours 20"),
    ("O7", "0.00 MWh in hours 1, 2, 3, 4, 5, 6"),
    ("O6", "10.20 and 0.60 MWh; the second runs in hours 20"),
    ("O7", "0.00 MWh in hours 1, 2, 3, 4, 5, 6"),
    ("O6", "9.72 and 0.03 MWh; the second runs in hours 20"),
    ("O7", "0.00 MWh in hours 1, 2, 3, 4, 5, 6"),
    ("O6", "10.12 and 0.50 MWh; the second runs in hours 20"),
    ("O7", "0.00 MWh in hours 1, 2, 3, 4, 5, 6"),
    ("S1", "peaks at 14:00 (3.80 MW), 14:00 (3.20 MW), 14:00 (2.78 MW)"),
    ("S1", "4.77 MWh in case 1, 4.77 MWh in case 3; peaks at 14:00 (3.80 MW), 14:00 (3.20 MW), 14:00 (2.78 MW)"),
    ("S1", "at least 0.42 MWh in hours 1-6 and 1.10 MWh in hours 18-24 (the schedule of least cost is not unique)"),
    ("S1", "peaks at 14:00 (3.82 MW), 14:00 (3.21 MW), 14:00 (3.19 MW)"),
    ("S1", "4.77 MWh in case 1, 4.77 MWh in case 3; peaks at 14:00 (3.82 MW), 14:00 (3.21 MW), 14:00 (3.19 MW)"),
    ("S1", "at least 0.42 MWh in hours 1-6 and 1.10 MWh in hours 18-24 (the schedule of least cost is not unique)"),
    ("S2", "mean of the buses' lowest voltages 0.9531, 0.9501, 0.9579 p.u. (voltages are not unique)"),
    ("S2", "mean of the buses' lowest voltages 0.9086 (case 2) and 0.9334 (case 3) p.u."),
    ("S2", "mean of the buses' lowest voltages 0.9587 (case 3) and 0.9605 (case 2) p.u."),
    ("S3", "mean of the buses' lowest voltages 0.9304, 0.9191, 0.9265 p.u. (voltages are not unique)"),
    ("S3", "mean of the buses' lowest voltages 0.9052 (case 2) and 0.9262 (case 3) p.u."),
    ("S3", "mean of the buses' lowest voltages 0.9060 (case 3) and 0.9034 (case 2) p.u."),
    ("T1", "33-bus at most 0.50 s, 85-bus at most 2.00 s with compilation and certificate"),
    ("T1b", "4.00 times the time for 2.58 times the buses"),
    (
        "S0",
        "48 values; the farthest uses 42 % of its tolerance (import_mwh of 33-bus 0.95-1.05 case 2: 43.78, "
        "reference 43.8)",
    ),
    ("S0s", "17 values; the farthest uses 83 % of its tolerance"),
]

LEFT_OUT = {("33", "demand", 1.5): "", ("85", "renewable", 3.0): "", ("85", "demand", 2.0): ""}
SECONDS = {"33": 0.5, "85": 2.0}


def test_every_sentence_says_the_numbers_of_the_results(results: Results) -> None:
    cases = {key: replace(run, seconds=SECONDS[key[0]]) for key, run in results.cases.items()}
    found = statements(replace(results, cases=cases, infeasible=LEFT_OUT))
    assert [(each.key, each.reason) for each in found] == REASONS


def test_digits_of_the_tables(results: Results) -> None:
    """Energy and times with two, money with one, the network's cost in the sweeps with none."""
    for table in make_report(results, ()).tables:
        for row in table.rows:
            whole = table.name == "sensitivity" and row.quantity.startswith("network cost")
            assert row.digits == (0 if whole else 1 if row.quantity.endswith("(EUR)") else 2), (
                table.name,
                row.quantity,
            )
