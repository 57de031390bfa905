"""What every market has in common: a day goes in, a cleared day with its certificate comes out."""

from __future__ import annotations

from typing import Generic, Protocol, Self, TypeVar

from equilibrium.certificate import Certificate

Day_contra = TypeVar("Day_contra", contravariant=True)
Cleared_co = TypeVar("Cleared_co", bound="Cleared", covariant=True)


class Cleared(Protocol):
    """A cleared day; read-only."""

    @property
    def certificate(self) -> Certificate:
        """The proof, recomputed from the arrays of the day's programs."""
        ...

    @property
    def seconds(self) -> float:
        """Wall time of the clearing with its certificate, s."""
        ...

    @property
    def solver_seconds(self) -> float:
        """The part of it that was spent inside solvers, s."""
        ...


class Market(Protocol[Day_contra, Cleared_co]):
    """A market that is compiled once and cleared day by day."""

    def prepare(self, day: Day_contra, /) -> None:
        """Make a typical day the start of every later one; a market that has no use for it does nothing."""
        ...

    def clear(self, day: Day_contra, /) -> Cleared_co:
        """Clear one day and prove it.

        Raises
        ------
        InputError
            When the day's numbers do not fit together.
        InfeasibleError
            When the day cannot be served.
        SolverError
            When a solver ends without an answer.
        """
        ...

    def close(self) -> None:
        """Let go of processes and solvers; a market that holds none does nothing."""
        ...


class Afresh(Generic[Day_contra]):
    """A market whose every day starts anew, so that its answer does not depend on the days before."""

    def prepare(self, day: Day_contra, /) -> None:
        """Do nothing: no day is the start of another."""

    def close(self) -> None:
        """Do nothing: no solver is kept."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
