"""Profiles of a day are read, or the file, the column and what was expected are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from equilibrium.errors import InputError
from scenarios.readers.profiles import read_profiles

HOURS = "\n".join(str(hour) for hour in range(1, 25))


def test_hours_alone_are_no_profile(tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_text(f"hour\n{HOURS}\n")
    with pytest.raises(InputError, match=r"day\.csv: header: got 'hour', expected a profile column named <name>_pu"):
        read_profiles(tmp_path / "day.csv")
    one = "\n".join(f"{hour},0.5" for hour in range(1, 25))
    (tmp_path / "day.csv").write_text(f"hour,load_pu\n{one}\n")
    found = read_profiles(tmp_path / "day.csv")
    assert {name: values.tolist() for name, values in found.items()} == {"load": [0.5] * 24}
