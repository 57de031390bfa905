"""The paper's errors E1-E11 (docs/epec_lots.md), with numbers where a number can show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.reproduce.epec_lots import published as data
from sim.reproduce.verdicts import DocumentedError

if TYPE_CHECKING:
    from sim.reproduce.epec_lots.compute import Results


def documented_errors(results: Results) -> tuple[DocumentedError, ...]:
    """Return the errors with what was found and how Equilot treats them."""
    return (
        DocumentedError(
            "E1",
            "System (4) holds only the equalities of the low level, and (5) has no multipliers of its inequalities",
            "as printed, (5a)-(5b) force phi^SD = 0 and each lot's condition becomes that of its stand-alone LP (3)",
            "the lexicographic program, which equals (8) as printed whenever that is feasible",
        ),
        DocumentedError(
            "E2",
            "Setting phi^SD = 0 'usually gives valid results'",
            "it is forced by the printed system, and exact in the corrected one; other values admit false equilibria",
            "phi^SD is no parameter",
        ),
        _polygon(results),
        DocumentedError(
            "E4",
            "The results show that the strategic behaviour of the lots is considered",
            "lots pay nothing for energy, so the network never enters their profit: the charged energy is the same in "
            "all cases (N1) and the network operator alone chooses the hours",
            "stated in the method's documentation",
        ),
        DocumentedError(
            "E5",
            "M = 1e4 is safe because the problem 'does not include economic variables'",
            "the multipliers are prices and (5) contains the charging price",
            "no big-M: the program has no complementarity to linearise",
        ),
        _imports(),
        _voltages(results),
        _first_hour(results),
        DocumentedError(
            "E9",
            "Node numbers mix labels from 0 (@17) and from 1 ('MT at node 33')",
            "@k is bus k + 1 of Baran and Wu",
            "buses are named by the feeder's own labels everywhere",
        ),
        DocumentedError(
            "E10",
            "Prices appear in EUR/kWh and in EUR/MWh",
            "the charging price is 0.5 EUR/kWh = 500 EUR/MWh, fuel costs 40 and 60 EUR/MWh",
            "EUR/kWh inside, and the unit stands in every name that a person reads",
        ),
        DocumentedError(
            "E11",
            "The model is tri-level",
            "the top level selects one equilibrium, it is no player",
            "the network cost is the second objective of the lexicographic program",
        ),
    )


def _polygon(results: Results) -> DocumentedError:
    coarse = results.cases["33", data.NARROW_BAND, 1].clearing.network_cost
    fine = results.finer_polygon.clearing.network_cost
    return DocumentedError(
        "E3",
        "The polygon (2o), (2p) is equivalent to the original constraints",
        f"it lies inside the circle and restricts: 33-bus case 1 in the band {data.NARROW_BAND} costs {coarse:.2f} EUR "
        f"with 12 edges and {fine:.2f} EUR with 24",
        "the number of edges is a parameter (12 by default)",
    )


def _imports() -> DocumentedError:
    rows = data.TABLES_5_AND_7["85"]
    rises = [100 * (rows[case].import_mwh / rows[1].import_mwh - 1) for case in (2, 3)]
    return DocumentedError(
        "E6",
        "Imports 'increase by 52 and 63 %' (85-bus)",
        f"those are reductions seen from cases 2 and 3; the increases are {rises[0]:.0f} and {rises[1]:.0f} %",
        "see N3",
    )


def _voltages(results: Results) -> DocumentedError:
    low = {case: float(results.base("85", case).clearing.voltage_pu.min(axis=0)[55:75].mean()) for case in (2, 3)}
    return DocumentedError(
        "E7",
        "Lower voltages at buses 56-75 in case 3, because the microturbine at @72 is lost (85-bus)",
        f"that microturbine is lost in case 2; mean of the lowest voltages there: {low[2]:.4f} p.u. in case 2, "
        f"{low[3]:.4f} in case 3",
        "see S3",
    )


def _first_hour(results: Results) -> DocumentedError:
    printed = results.printed_first_hour
    return DocumentedError(
        "E8",
        "The first hour's charging is in (3a) and (3f) but in no energy balance, (3b) and (3d) count the last "
        "departures twice, and 'sufficient' is written as '='",
        f"with the printed first hour the lots sell {printed.charged_mwh - data.CHARGED_MWH:.3f} MWh that no battery "
        f"receives",
        "switches first_hour and terminal; the energy owed at the end is a parameter of its own",
    )
