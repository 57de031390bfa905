"""``python -m benchmarks.tails``: how much slower than the median the slowest nodal days are; what is not proved."""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.harness import Result, report
from sim.markets.charging.model import LocalMarket

GOAL = 5.0
"""Most that the 99th percentile of a day's processor time may be of its median."""


def nodal_day_99th_vs_median(scenario: str = "nodal-33", days: int = 300) -> Result:
    """Days with the vehicles of recorded sessions: processor time of whole days, agents included."""
    model, taken = LocalMarket(scenario), list[float]()
    regrets, reasons = dict[int, float](), Counter[str]()
    for _ in range(days):
        start = time.process_time()
        model.step()
        taken.append(time.process_time() - start)
        assert model.last is not None
        certificate = model.last.clearing.certificate
        if not certificate.certified:
            regrets[model.last.index] = max(certificate.regret)
            reasons["; ".join(note.partition(":")[0] for note in certificate.notes) or "NO REASON"] += 1
    middle, high = float(np.median(taken)), float(np.quantile(taken, 0.99))
    told = f"{len(regrets)} uncertified"
    if regrets:
        told += (
            f" (best regrets {', '.join(f'{regret:.3g} on day {day}' for day, regret in regrets.items())}; reasons: "
        )
        told += "; ".join(f"{count} x {reason}" for reason, count in reasons.most_common()) + ")"
    note = (
        f"processor time of {days} days of {scenario}: median {middle:.3f} s, 99th percentile {high:.3f} s, slowest "
        f"{max(taken):.3f} s; {told}; ours is the percentile, reference {GOAL:g} times the median; goal >= 1"
    )
    return Result("nodal_day_99th_vs_median", high, GOAL * middle, GOAL * middle / high, note)


if __name__ == "__main__":
    names = sys.argv[1:] or ["nodal-33"]
    results = [nodal_day_99th_vs_median(name) for name in names]
    report(results[:1], Path(__file__).parent / "results.json")
    sys.stdout.write("".join(f"{result.note}\n" for result in results))
