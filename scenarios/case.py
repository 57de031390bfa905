"""What every loaded scenario has, whatever its market."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from equilibrium.errors import InputError
from equilibrium.grid.network import Network
from scenarios.files import sha256, shown
from scenarios.loading import money_keys
from scenarios.readers.prices import HOURS, PriceSeries
from scenarios.schema import CaseFile


@dataclass(frozen=True, eq=False)
class Case:
    """A checked scenario with all its data read.

    Attributes
    ----------
    name
        Name of the bundled file, or of the user's file without its suffix.
    file
        The validated keys, every default filled in.
    prices
        The wholesale prices from the chosen start on.
    notes
        What a reader should know about the input, e.g. how many stays were capped; one sentence each.
    paths
        Every file that was read.
    """

    name: str
    file: CaseFile
    prices: PriceSeries
    notes: tuple[str, ...]
    paths: tuple[Path, ...]
    _network: Network

    @property
    def title(self) -> str:
        """One line that says what the scenario is."""
        return self.file.title

    @property
    def currency(self) -> str:
        """Three-letter code of the money."""
        return self.file.currency

    @property
    def hours(self) -> int:
        """Number of hours of a day."""
        return HOURS

    @property
    def days(self) -> int | None:
        """Number of days that can be run: that of the prices with ``after_end: stop``, else ``None`` for any number."""
        return self.prices.days if self.file.prices.after_end == "stop" else None

    def network(self) -> Network:
        """Return the feeder with its assets."""
        return self._network

    def date(self, index: int) -> dt.date | None:
        """Return the calendar date of the prices that a day of the run uses; ``None`` for a typical day."""
        return self.prices.dates[self.prices.row(index)] if self.prices.dates else None

    def check_day(self, index: int) -> None:
        """Raise :class:`InputError` when the prices have ended by a day of the run and may not repeat."""
        if self.days is not None and index >= self.days:
            raise InputError(self.prices.source, "after_end: stop", f"day {index + 1}", f"at most {self.days} days")

    def resolved(self) -> dict[str, object]:
        """Return the scenario as plain data with every default filled in; written as YAML it loads again."""
        data = money_keys(self.file.model_dump(mode="json", by_alias=True), self.currency)
        assert isinstance(data, dict)
        return data

    def input_hashes(self) -> dict[str, str]:
        """Return the SHA-256 of every file that was read, by its name."""
        return {shown(path): sha256(path) for path in self.paths}
