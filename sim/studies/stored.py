"""A study read from its folder: what was asked for, and what has come of it so far."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from equilibrium.errors import InputError
from sim.folder import MANIFEST, locked
from sim.manifest import read_json
from sim.studies.specification import Specification, StudyFile
from sim.studies.storage import ChunkStore, StudyResults, check_study_folder, point_frame


@dataclass(frozen=True)
class StoredStudy:
    """A study of a folder.

    Attributes
    ----------
    folder
        Where it stands.
    manifest
        Its manifest.
    specification, results
        What was asked for and what has come of it.
    """

    folder: Path
    manifest: dict[str, Any]
    specification: Specification
    results: StudyResults


def read_study(folder: Path) -> StoredStudy:
    """Read a study; nobody may write it meanwhile.

    Raises
    ------
    InputError
        When the folder holds no study, or another process writes it.
    """
    if not folder.is_dir() or not check_study_folder(folder):
        raise InputError(str(folder), "study folder", "no study", "a folder written by `equilot study`")
    lock = locked(folder)
    try:
        manifest = read_json(folder / MANIFEST)
        said = dict(manifest["specification"])
        points = tuple(said.pop("points"))
        specification = Specification(str(folder / MANIFEST), StudyFile.model_validate(said), points)
        store = ChunkStore(folder, specification.file.outputs)
        runs, days, failures = (store.frame(name) for name in ("runs", "days", "failures"))
        results = StudyResults(point_frame(points), runs, days, failures, manifest.get("status") == "complete")
    finally:
        lock.release()
    return StoredStudy(folder, manifest, specification, results)
