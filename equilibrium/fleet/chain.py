"""The most that a separable concave profit can reach on a state-of-energy chain, exactly and without a solver.

    max sum_t f_t(p_t)    s.t.    lower_t <= sum_{s <= t} p_s <= upper_t ,

every f_t concave and piecewise linear. The best profit of the hours up to t, as a function of the energy E that they
draw together, is the sup-convolution of the one before with f_t: its steps are those of both, by falling slope. A limit
on E cuts that function off: below ``lower`` the best steps are taken for good, above ``upper`` the worst are given up
for good. What is left at the end is taken as far as it gains. (Greedy algorithm on a laminar family; Federgruen and
Groenevelt, *Operations Research* 34(6), 1986, section 3.)
"""

from __future__ import annotations

from collections.abc import Sequence

from equilibrium.programs.program import FEASIBILITY

Step = tuple[float, float]
"""What a piece gains per kWh, and its length in kWh."""


def fill(
    first: Sequence[float], steps: Sequence[Sequence[Step]], lower: Sequence[float], upper: Sequence[float]
) -> list[float] | None:
    """Return the energies p of the hours with the greatest profit; ``None`` if there are none within the limits.

    Parameters
    ----------
    first
        Least energy of each hour, kWh, shape ``(hours,)``.
    steps
        Each hour's pieces beyond it, gains not rising.
    lower, upper
        Limits of the running sum, kWh, shape ``(hours,)``.

    Notes
    -----
    Of pieces with the same gain the earlier hour's is taken first; a piece without gain is not taken.
    """
    energy, drawn = list(first), 0.0
    waiting: list[tuple[float, int, float]] = []  # (minus the gain, hour, length), best first
    for hour, (least, low, high) in enumerate(zip(first, lower, upper, strict=True)):
        drawn += least
        waiting += [(-gain, hour, length) for gain, length in steps[hour]]
        waiting.sort()
        missing = low - drawn
        while missing > 0.0 and waiting:
            loss, owner, length = waiting[0]
            part = min(length, missing)
            energy[owner] += part
            drawn += part
            missing -= part
            if part < length:
                waiting[0] = (loss, owner, length - part)
            else:
                del waiting[0]
        surplus = drawn + sum(length for _, _, length in waiting) - high
        while surplus > 0.0 and waiting:
            loss, owner, length = waiting.pop()
            if length > surplus:
                waiting.append((loss, owner, length - surplus))
            surplus -= length
        if missing > FEASIBILITY or (surplus > FEASIBILITY and not waiting):
            return None
    for loss, owner, length in waiting:
        if loss < 0.0:
            energy[owner] += length
    return energy
