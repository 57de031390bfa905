"""The times that a run tells: none is more than what passed, and a part is no more than its whole."""

from __future__ import annotations

from sim.store import Run

WHOLE = {"solver_seconds": "seconds", "certificate_seconds": "seconds", "second_seconds": "certificate_seconds"}
ROUNDING = 1e-6


def times_that_cannot_be(run: Run, passed: float) -> list[str]:
    """Name the columns with seconds that are negative, more than those that passed, or more than what they are part of.

    Parameters
    ----------
    passed
        Seconds that the whole run took, measured around it.
    """
    found = []
    for table, columns in run.columns.items():
        frame = run.table(table)
        for name in (name for name in columns if name.endswith("seconds")):
            told = frame[name].dropna()
            if (told < 0.0).any() or told.sum() > passed:
                found.append(f"{table}.{name}: {told.tolist()} of {passed}")
            whole = WHOLE.get(name, "")
            if whole in columns and (frame[name] > frame[whole] + ROUNDING).any():
                found.append(f"{table}.{name}: more than {whole}")
    return found
