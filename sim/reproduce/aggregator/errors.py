"""What is wrong or missing in the paper of the aggregator and its lot, and how it is treated (docs/aggregator.md)."""

from __future__ import annotations

from sim.reproduce.verdicts import DocumentedError


def documented_errors() -> tuple[DocumentedError, ...]:
    """Return the errors."""
    return (
        DocumentedError(
            "E1",
            "(20), (25): no probability of the scenarios",
            "reactions are the same without it, the expected values that the leader counts are not",
            "weighted; reading weights: printed keeps the print",
        ),
        DocumentedError(
            "E2",
            "(3): the reserve payment stands twice",
            "(20) has it once",
            "counted once",
        ),
        DocumentedError(
            "E3",
            "(36): payment for flexible V2G energy by an absolute value",
            "right only if V2G energy costs at least G2V3 and the degradation together",
            "other tariffs are refused",
        ),
        DocumentedError(
            "E4",
            "no lower bound of the G2V pool",
            "vehicles could leave with energy that is charged later",
            "not below zero; reading pool_floor: printed, or arrival",
        ),
        DocumentedError(
            "E5",
            "(33): the stock at the end of the hour covers discharge and reserve",
            "an hour can sell at most half of what lies above the minimum",
            "as printed; reading output_stock: start",
        ),
        DocumentedError(
            "E6",
            "case II: no cap on the uniform price",
            "where load and purchases exceed the generators, the leader's profit grows without bound in the price",
            "a cap must be given",
        ),
        DocumentedError(
            "E7",
            "no condition on the energy after hour 24",
            "energy that is left is worth nothing, so the lot gives it away at the end",
            "kept, and reported",
        ),
        DocumentedError(
            "E8",
            "interrupted load in hours 19-23 and a cap of 10 cents",
            "the retailer interrupts only at prices above its tariff and incentive together, here 10.5 to 13.5",
            "case II also with a cap of 13.5",
        ),
        DocumentedError(
            "E9",
            "Extra term of (25) for flex2",
            "its share is that of fix2 in print, its departure energy has a garbled name",
            "flex2 for both; reading extra_flex2: printed. A constant of the lot's profit",
        ),
    )
