"""Files of exchanges that cannot be read: each fault with its row and column, or the key that would help."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from equilibrium.errors import InputError
from tests.scenarios.test_exchanges import MADRID, NEW_YORK, PARIS, entsoe, moments, nord_pool, omie, pjm, read

DAY = dt.date(2024, 6, 3)


def of(make: Callable[..., str], zone: ZoneInfo) -> str:
    return make(moments(DAY, zone, days=1))


ENTSOE, OMIE, PJM, NORD_POOL = of(entsoe, PARIS), of(omie, MADRID), of(pjm, NEW_YORK), of(nord_pool, PARIS)
START = "03/06/2024 00:00:00"
MTU, TIME = "line 2, column MTU (CET/CEST)", "a time such as 01/06/2024 00:00:00, day first"
PRICE = "Day-ahead Price (EUR/MWh)"
ROW = "year;month;day;period;price PT;price ES;"


@pytest.mark.parametrize(
    ("text", "said", "keys"),
    [
        (ENTSOE, "price_column: got 'x', expected one column such as Day-ahead Price (EUR/MWh)", {"price_column": "x"}),
        (ENTSOE.replace(PRICE, "Price"),
         "price_column: got None, expected one column such as Day-ahead Price (EUR/MWh)",
         {}),
        (ENTSOE.replace("CET/CEST)", "EST)", 1), "header: got 'MTU (EST)', expected MTU in one of ", {}),
        (ENTSOE.replace(f"{START} - 03/06/2024 01:00:00", "soon", 1), f"{MTU}: got 'soon', expected an "
         "interval such as 01/06/2024 00:00:00 - 01/06/2024 01:00:00", {}),
        (ENTSOE.replace(START, "33/06/2024 00:00:00", 1), f"{MTU}: got '33/06/2024 00:00:00', "
         f"expected {TIME}", {}),
        (ENTSOE.replace(START, f"{START} (XYZ)", 1), f"{MTU}: got '{START} (XYZ)', expected "
         f"{TIME}", {}),
        (ENTSOE.replace("03/06/2024 01:00:00", "03/06/2024 00:30:00", 1), f"{MTU}: got "
         f"'{START} - 03/06/2024 00:30:00', expected 60 minutes (prices.step_minutes), not 30", {}),
        (PJM, "header: got ", {"price_column": "x", "area": "EAST"}),
        (PJM.replace("pnode_name", "name"), "header: got ", {}),
        (PJM, "area: got None, expected one of the areas of the file: WEST, EAST", {}),
        (PJM, "area: got 'NORTH', expected one of the areas of the file: WEST, EAST", {"area": "NORTH"}),
        (PJM.replace("TRUE", "FALSE", 2),
         "line 3, column row_is_current: got 'FALSE', expected rows that are current, as "
         "Data Miner gives them", {"area": "EAST"}),
        (PJM.replace("6/3/2024 4:00:00 AM", "soon", 1), "line 2, column datetime_beginning_utc: got 'soon', expected a "
         "time such as 6/3/2024 4:00:00 AM", {"area": "WEST"}),
        (NORD_POOL.replace("Start (CET)", "Start (EST)"),
         "header: got 'Delivery Start (EST)', expected a start in one of ",
         {"area": "SE3"}),
        (NORD_POOL, "area: got None, expected one of the areas of the file: SE3, SE4", {}),
        (NORD_POOL, "area: got 'SE1', expected one of the areas of the file: SE3, SE4", {"area": "SE1"}),
        (NORD_POOL.replace(" Price", " Cost"), "area: got None, expected a column such as SE3 Price (EUR)", {}),
        (NORD_POOL.replace("03.06.2024 00:00:00", "soon", 1),
         "line 2, column Delivery Start (CET): got 'soon', expected "
         f"{TIME}", {"area": "SE3"}),
        (OMIE, "area: got None, expected ES or PT: the file has the prices of Spain and of Portugal", {}),
        (OMIE, "area: got 'FR', expected ES or PT: the file has the prices of Spain and of Portugal", {"area": "FR"}),
        ("MARGINALPDBC;\n*\n", f"rows: got 'none', expected {ROW}", {"area": "ES"}),
        (OMIE.replace("2024;06;03;1;39.00;40.00;", "2024;06;1;", 1), f"line 2: got '2024;06;1;', expected {ROW}",
         {"area": "ES"}),
        (OMIE.replace("2024;06;03;1;", "2024;06;33;1;", 1), "line 2, column day: got '2024-06-33', expected a date",
         {"area": "ES"}),
        (OMIE.replace("2024;06;03;1;", "2024;06;03;1.5;", 1),
         "line 2, column period: got '1.5', expected a whole number "
         "from 1 to 24", {"area": "ES"}),
        (OMIE.replace("2024;06;03;1;", "2024;06;03;25;", 1),
         "line 2, column period: got '25', expected a whole number from "
         "1 to 24", {"area": "ES"}),
        (OMIE.replace("2024;06;03;1;", "2024;06;03;0;", 1), "line 2, column period: got '0', expected a number >= 1",
         {"area": "ES"}),
        (OMIE.replace("2024;06;03;1;", "2024;06;03;26;", 1),
         "column period: got 'periods up to 26', expected a price every "
         "60 minutes (prices.step_minutes), and not every 15", {"area": "ES"}),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told(text: str, said: str, keys: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, text, zone=None, **keys)
    found = str(error.value).removeprefix(f"{tmp_path / 'prices.csv'}: ")
    assert found == said or (said.endswith(" ") and found.startswith(said))
    if said == "header: got ":
        assert found.endswith(f"expected a column {keys.get('price_column', 'pnode_name')}")


def test_the_prices_of_pjm_are_hourly(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"step_minutes: got 15, expected 60: the file has a price every hour$"):
        read(tmp_path, PJM, zone=None, step=15, area="WEST")
