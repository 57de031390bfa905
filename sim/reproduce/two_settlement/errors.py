"""What is wrong or missing in the paper of two settlements, and how it is treated (docs/two_settlement.md)."""

from __future__ import annotations

from sim.reproduce.verdicts import DocumentedError


def documented_errors() -> tuple[DocumentedError, ...]:
    """Return the errors."""
    return (
        DocumentedError(
            "E1",
            "prices in MU/kWh",
            "selling 64.2 MWh at 11 to 380 MU/kWh would earn millions; F1 is 8917",
            "read as MU/MWh",
        ),
        DocumentedError(
            "E2",
            "(10): the slack of the second objective has the weight r1/r2 without a small factor",
            "that is the equally weighted sum for every limit above its optimum, and the front is cut",
            "a small factor on it",
        ),
        DocumentedError(
            "E3",
            "(3)-(6): no state of charge and no obligation of a lot",
            "it would sell at full power in every hour",
            "vehicles with presence, energy and wishes",
        ),
        DocumentedError(
            "E4",
            "reserve is sold and bought, but nobody needs it",
            "accepted regulating reserve would be zero; up to 552 kW are printed",
            "the operator has a need of both kinds",
        ),
        DocumentedError(
            "E5",
            "the day ahead and real time are solved in turn until they agree",
            "a fixed point need not exist, and is no optimum",
            "one two-stage program with a proved gap; the loop is kept and compared",
        ),
    )
