"""The report of a folder, whatever wrote it: a run, a study, or a reproduction."""

from __future__ import annotations

from pathlib import Path

from equilibrium.errors import InputError
from sim.folder import MANIFEST
from sim.manifest import read_json
from sim.report.reproduction import reproduction_in, write_reproduction_report
from sim.report.write import write_report
from sim.store import Run


def write_any_report(folder: Path, day: int | None = None, hour: int | None = None) -> list[Path]:
    """Write the report of a folder into it, and return the files.

    Parameters
    ----------
    folder
        What ``equilot run``, ``study`` or ``reproduce`` has written.
    day, hour
        As for :func:`sim.report.write.write_report`; only a run has days.

    Raises
    ------
    InputError
        When the folder holds nothing of these, or a day or hour is asked for that there is not.
    """
    name = reproduction_in(folder)
    if name is None and "study_format" not in read_json(folder / MANIFEST):
        return write_report(Run(folder), day, hour)
    for option, value in (("--day", day), ("--hour", hour)):
        if value is not None:
            raise InputError(str(folder), option, value, "nothing: only the report of a run has days")
    if name is not None:
        return write_reproduction_report(folder, name)
    from sim.report.study import write_study_report  # here, because studies are slow to import
    from sim.studies.stored import read_study

    return write_study_report(read_study(folder))
