"""Demand-response programs from YAML: tariff periods, elasticity, and what each program changes.

A file holds one set of programs (``scenarios/data/programs/disco-dr.yaml`` is a complete example)::

    title: My programs
    source: where the numbers come from
    currency: USD
    periods:                              # hours 1 .. 24, each in exactly one period; hour h ends at clock hour h
      off-peak: 1-7, 22-24
      mid-peak: 8-9, 15-18
      on-peak: 10-14, 19-21
    base_tariff_usd_per_mwh: 171.125      # the tariff at which the load was observed
    participation_share: 0.2              # default 1
    contracted_share: 0.82                # default 0: contracted reduction, share of the load
    elasticity:                           # by periods, a pair in one order or both; or 24 rows of 24 numbers
      on-peak: {on-peak: -0.1, mid-peak: 0.016, off-peak: 0.012}
      mid-peak: {mid-peak: -0.1, off-peak: 0.01}
      off-peak: {off-peak: -0.1}
    programs:
      flat: {}                            # the base tariff
      tou:
        tariff_usd_per_mwh: {off-peak: 85.562, on-peak: 342.25}    # periods that are not named keep the base tariff
      cpp:
        critical_hours: 19-21
        critical_tariff_usd_per_mwh: 400
      rtp:
        upstream_factor: 1.10             # the tariff is this factor times the upstream price
      cap:
        incentive_usd_per_mwh: {on-peak: 150}
        penalty_usd_per_mwh: {on-peak: 50}
        contracted_share: 0.5             # where it differs from that of the set

A program may also have a ``title``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from equilibrium.arrays import FloatArray
from equilibrium.demand_response import Elasticity, ResponseProgram, response_factor
from equilibrium.errors import InputError
from scenarios.checking import validated
from scenarios.files import Document, bundled_names, bundled_or_own
from scenarios.schema import Label, NonNegative, Positive, Section, Share, Words
from scenarios.time_axis import DAY_H, TimeAxis, day_axis
from scenarios.yaml_tree import KeyPath

_HOURS = re.compile(r"([0-9]{1,2})(?:\s*-\s*([0-9]{1,2}))?")


class ProgramSection(Section):
    """What one program changes."""

    title: Label | None = None
    tariff_per_mwh: Annotated[dict[Label, NonNegative], Field(default_factory=dict)]
    upstream_factor: Positive | None = None
    critical_hours: Label | None = None
    critical_tariff_per_mwh: NonNegative | None = None
    incentive_per_mwh: Annotated[dict[Label, NonNegative], Field(default_factory=dict)]
    penalty_per_mwh: Annotated[dict[Label, NonNegative], Field(default_factory=dict)]
    contracted_share: Share | None = None


class ProgramFile(Section):
    """The whole file."""

    title: Label
    source: Words
    licence: Words = "not stated"
    notes: tuple[Words, ...] = ()
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"
    periods: Annotated[dict[Label, Label], Field(min_length=1)]
    base_tariff_per_mwh: Positive
    participation_share: Share = 1.0
    contracted_share: Share = 0.0
    elasticity: object
    programs: Annotated[dict[Label, ProgramSection], Field(min_length=1)]


@dataclass(frozen=True, eq=False)
class ProgramSet:
    """A checked file of programs.

    Attributes
    ----------
    name, title, currency
        Name of the file, its title and the currency of its money.
    period_of_hour
        Tariff period of each hour of the day.
    base_tariff
        Tariff at which the load was observed, currency/kWh.
    elasticity
        Of shape ``(hours, hours)``.
    participation
        Share of the load that takes part.
    contracted_share
        Contracted reduction where a program has none of its own.
    sections
        What the file says about each program, in its order.
    critical
        Critical hours of each program that has any, each of shape ``(hours,)``.
    """

    name: str
    title: str
    currency: str
    period_of_hour: tuple[str, ...]
    base_tariff: float
    elasticity: Elasticity
    participation: float
    contracted_share: float
    sections: Mapping[str, ProgramSection]
    critical: Mapping[str, NDArray[np.bool_]]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the programs."""
        return tuple(self.sections)

    def label(self, name: str) -> str:
        """Return what a table calls the program."""
        return self._section(name).title or name

    def hours(self, period: str) -> NDArray[np.bool_]:
        """Return which hours belong to a period, shape ``(hours,)``."""
        if period not in self.period_of_hour:
            known = ", ".join(dict.fromkeys(self.period_of_hour))
            raise InputError(f"programs {self.name}", "period", period, f"one of {known}")
        return np.array([name == period for name in self.period_of_hour])

    def program(
        self,
        name: str,
        upstream_price: FloatArray | None = None,
        *,
        critical: bool = True,
        axis: TimeAxis | None = None,
    ) -> ResponseProgram:
        """Return one program period by period; what holds in an hour holds in the periods that begin in it.

        Parameters
        ----------
        name
            One of :attr:`names`.
        upstream_price
            Expected price at the substation, currency/kWh, shape ``(periods,)``; a real-time tariff follows it.
        critical
            ``False`` leaves the critical hours at the tariff of their period.
        axis
            The day's periods; by default the 24 hours of a typical day.

        Raises
        ------
        InputError
            For an unknown program, or a real-time tariff without prices.
        """
        section, hour = self._section(name), (axis or day_axis()).clock_hour
        if section.upstream_factor is None:
            tariff = self._hourly(section.tariff_per_mwh, 1000.0 * self.base_tariff)[hour]
        elif upstream_price is None or upstream_price.shape != hour.shape:
            found = None if upstream_price is None else upstream_price.shape
            raise InputError(
                f"program {name}", "upstream_price", found, f"{hour.size} prices, which the tariff follows"
            )
        else:
            tariff = section.upstream_factor * upstream_price
        if critical and section.critical_tariff_per_mwh is not None:
            tariff = np.where(self.critical[name][hour], section.critical_tariff_per_mwh / 1000.0, tariff)
        share = self.contracted_share if section.contracted_share is None else section.contracted_share
        incentive, penalty = (
            self._hourly(amounts, 0.0)[hour] for amounts in (section.incentive_per_mwh, section.penalty_per_mwh)
        )
        return ResponseProgram(name, tariff, incentive, penalty, share)

    def _section(self, name: str) -> ProgramSection:
        if name not in self.sections:
            raise InputError(f"programs {self.name}", "program", name, f"one of {', '.join(self.sections)}")
        return self.sections[name]

    def _hourly(self, per_mwh: Mapping[str, float], otherwise: float) -> FloatArray:
        """Return the amount of each hour's period, currency/kWh, shape ``(hours,)``."""
        return np.array([per_mwh.get(period, otherwise) for period in self.period_of_hour]) / 1000.0


def program_set_names() -> list[str]:
    """Return the names of the bundled sets of programs."""
    return bundled_names("programs")


def read_programs(name_or_path: str) -> ProgramSet:
    """Read and check a set of programs; see the module's text for the format.

    Parameters
    ----------
    name_or_path
        A name of :func:`program_set_names`, or the user's own YAML file.

    Raises
    ------
    InputError
        With file and line: an unknown key, hours that no period or two periods have, a period that is not known, an
        elasticity of the wrong shape, a negative amount, a critical tariff without hours, or signals so strong that
        the load model would leave a negative load.
    """
    path = bundled_or_own("programs", str(name_or_path), ".yaml")
    document = Document.read(path)
    file = validated(ProgramFile, document)
    period_of_hour = _periods(file, document)
    critical = _check_programs(file, document)
    programs = ProgramSet(
        name=path.stem,
        title=file.title,
        currency=file.currency,
        period_of_hour=period_of_hour,
        base_tariff=file.base_tariff_per_mwh / 1000.0,
        elasticity=_elasticity(file, document, period_of_hour),
        participation=file.participation_share,
        contracted_share=file.contracted_share,
        sections=file.programs,
        critical=critical,
    )
    for name, section in file.programs.items():
        if section.upstream_factor is None:  # else the signals depend on prices, and `respond` looks
            factor = response_factor(
                programs.base_tariff, programs.program(name), programs.elasticity, programs.participation
            )
            if factor.min() < 0:
                expected = "signals that leave a load >= 0 in the linear model"
                raise document.error(("programs", name), f"a factor {factor.min():.3g} on the load", expected)
    return programs


def _hour_mask(text: str, keys: KeyPath, document: Document) -> NDArray[np.bool_]:
    """Read ``1-7, 22-24``; shape ``(hours,)``."""
    mask = np.zeros(DAY_H, dtype=np.bool_)
    for part in text.split(","):
        found = _HOURS.fullmatch(part.strip())
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        if not 1 <= first <= last <= DAY_H:
            raise document.error(keys, text, "hours from 1 to 24 such as 1-7, 22-24")
        mask[first - 1 : last] = True
    return mask


def _periods(file: ProgramFile, document: Document) -> tuple[str, ...]:
    """Return the period of each hour; every hour must have exactly one."""
    owner: dict[int, str] = {}
    for name, text in file.periods.items():
        for hour in np.flatnonzero(_hour_mask(text, ("periods", name), document)).tolist():
            if hour in owner:
                expected = f"each hour in one period (hour {hour + 1} is in {owner[hour]} too)"
                raise document.error(("periods", name), text, expected)
            owner[hour] = name
    missing = sorted(set(range(DAY_H)) - set(owner))
    if missing:
        expected = f"all {DAY_H} hours (hour {missing[0] + 1} is missing)"
        raise document.error(("periods",), list(file.periods.values()), expected)
    return tuple(owner[hour] for hour in range(DAY_H))


def _elasticity(file: ProgramFile, document: Document, period_of_hour: tuple[str, ...]) -> Elasticity:
    """Return the matrix from values by period, or from 24 rows of 24 numbers."""
    given = file.elasticity
    if isinstance(given, list):
        if len(given) != DAY_H:
            raise document.error(("elasticity",), f"{len(given)} rows", f"{DAY_H} rows of {DAY_H} numbers")
        for row, cells in enumerate(given):
            if not isinstance(cells, list) or len(cells) != DAY_H:
                found = f"{len(cells)} numbers" if isinstance(cells, list) else cells
                raise document.error(("elasticity", row), found, f"{DAY_H} numbers")
            for column, value in enumerate(cells):
                _check_number(value, ("elasticity", row, column), document)
        return Elasticity(np.array(given, dtype=np.float64))
    if not isinstance(given, dict):
        raise document.error(("elasticity",), given, "values by period, or 24 rows of 24 numbers")
    values: dict[tuple[str, str], float] = {}
    for first, row in given.items():
        _check_period(first, ("elasticity", first), file, document)
        if not isinstance(row, dict):
            raise document.error(("elasticity", first), row, "a value for each period")
        for second, value in row.items():
            _check_period(second, ("elasticity", first, second), file, document)
            _check_number(value, ("elasticity", first, second), document)
            values[first, second] = float(value)
    for first in file.periods:
        for second in file.periods:
            if (first, second) not in values and (second, first) not in values:
                raise document.error(("elasticity", first), None, f"a value for {second} (here or in its row)")
    return Elasticity.blocks(period_of_hour, values)


def _check_number(value: object, keys: KeyPath, document: Document) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise document.error(keys, value, "a number")


def _check_period(name: str, keys: KeyPath, file: ProgramFile, document: Document) -> None:
    if name not in file.periods:
        raise document.error(keys, name, f"one of the periods {', '.join(file.periods)}")


def _check_programs(file: ProgramFile, document: Document) -> dict[str, NDArray[np.bool_]]:
    """Check what the keys of each program say together; return the critical hours."""
    money = file.currency.lower()
    critical = {}
    for name, section in file.programs.items():
        keys: KeyPath = ("programs", name)
        for key in ("tariff", "incentive", "penalty"):
            for period in getattr(section, f"{key}_per_mwh"):
                _check_period(period, (*keys, f"{key}_{money}_per_mwh", period), file, document)
        if section.upstream_factor is not None and section.tariff_per_mwh:
            where = (*keys, "upstream_factor")
            raise document.error(where, section.upstream_factor, "a tariff by period or an upstream factor, not both")
        if (section.critical_hours is None) != (section.critical_tariff_per_mwh is None):
            expected = f"critical_hours and critical_tariff_{money}_per_mwh together"
            raise document.error(keys, "one of the two", expected)
        if section.critical_hours is not None:
            critical[name] = _hour_mask(section.critical_hours, (*keys, "critical_hours"), document)
    return critical
