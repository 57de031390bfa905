"""How the bundled feeders, prices and sessions were made from the raw tables named in their notes.

Run ``python convert.py RAW`` where RAW holds ``feeders/``, ``prices/`` and ``ev/`` with the tables as they were
extracted from the sources named in each YAML file. The program only selects, renames and rounds; it changes no figure.
"""

import csv
import sys
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).parent
FEEDERS = {  # our name: raw folder
    "bw69": "bw69",
    "das15": "das15",
    "das70": "das70",
    "das85": "das85_lit",
    "ieee33": "ieee33bw",
    "ieee37": "ieee37",
    "khodr141": "khodr141",
    "moses1197": "moses1197",
}
SUBSTATION_LINKS = {"das70": ("1", "70")}  # the second substation hangs on the first by an ideal link
OMIE = ("2024-06-10", "2024-06-23")  # Monday to Sunday, no clock change
DUNDEE = ("2018-06-11", "2018-07-15")
ACN = ("2019-09-09", "2019-10-13")
LITERATURE = {
    "bw69": "published 225 kW",
    "das85": "published 316.1 kW and 0.8713",
    "ieee33": "published 202.7 kW and 0.9131 at bus 18",
    "ieee37": "OpenDSS with balanced constant-power loads gives 58.75 kW and 0.9573",
}
TEST_SITE = "***TEST SITE*** Charge Your Car HQ"


def rows_of(path: Path) -> list[dict[str, str]]:
    """Read a CSV file as a list of rows."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, header: str, rows: Iterable[Iterable[object]]) -> None:
    """Write a CSV file with Unix line ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)


def feeders(raw: Path) -> None:
    """Write ``buses.csv`` and ``branches.csv`` of every feeder, and the literature's base case."""
    for name, folder in FEEDERS.items():
        buses = rows_of(raw / folder / "buses.csv")
        noted = any("ieee_node" in bus for bus in buses)
        write(
            HERE / "feeders" / name / "buses.csv",
            "bus,load_kw,load_kvar" + (",note" if noted else ""),
            (
                [bus["bus"], bus["p_kw"], bus["q_kvar"]]
                + ([f"node {bus['ieee_node']} {bus['load_model']}".strip()] if noted else [])
                for bus in buses
            ),
        )
        branches = rows_of(raw / folder / "branches.csv")
        lines = [
            [b["from_bus"], b["to_bus"], b["r_ohm"], b["x_ohm"], 1 - int(b["normally_open"]), b.get("note", "")]
            for b in branches
        ]
        if link := SUBSTATION_LINKS.get(name):
            lines.append([*link, 0, 0, 1, "ideal link between the two substations"])
        header = "from_bus,to_bus,r_ohm,x_ohm,closed,note"
        if not any(line[-1] for line in lines):
            header, lines = header.removesuffix(",note"), [line[:-1] for line in lines]
        write(HERE / "feeders" / name / "branches.csv", header, lines)
    known = {row["feeder"]: row for row in rows_of(raw / "validation.csv")}
    write(
        HERE / "feeders" / "validation.csv",
        "feeder,loss_kw,vmin_pu,vmin_bus,source",
        (
            [name, known[folder]["loss_kw"], known[folder]["vmin_pu"], known[folder]["vmin_bus"], source(name)]
            for name, folder in FEEDERS.items()
        ),
    )


def source(name: str) -> str:
    """Say where a base-case figure comes from."""
    own = "power flow of this data by backward-forward sweep and by Newton-Raphson"
    return f"{own}; {LITERATURE.get(name, 'no published figure was compared')}"


def prices(raw: Path) -> None:
    """Write a fortnight of Spanish day-ahead prices."""
    rows = rows_of(raw / "omie_dayahead_es_pt_2023-01_2025-09.csv")
    write(
        HERE / "prices" / "omie-es-2024-06.csv",
        "date,hour,price_eur_per_mwh",
        (
            [row["date_cet"], row["period"], f"{float(row['es_eur_per_mwh']):.2f}"]
            for row in rows
            if OMIE[0] <= row["date_cet"] <= OMIE[1]
        ),
    )


def sessions(raw: Path) -> None:
    """Write five whole weeks of public charging in Dundee and of two workplaces in California."""
    dundee = rows_of(raw / "dundee_2018_jun_sep.csv")
    write(
        HERE / "sessions" / "dundee-2018.csv",
        "arrival_local,departure_local,energy_kwh,site,charger_kw",
        (
            [row["arrival_local"][:16], row["departure_local"][:16], row["energy_kwh"], row["site"], row["charger_kw"]]
            for row in dundee
            if DUNDEE[0] <= row["arrival_local"][:10] <= DUNDEE[1] and row["site"] != TEST_SITE
        ),
    )
    acn = [
        (row, site)
        for site, name in (("JPL", "acn_jpl_2019_2021.csv"), ("Caltech", "acn_caltech_2019_2021.csv"))
        for row in rows_of(raw / name)
        if ACN[0] <= row["arrival_local"][:10] <= ACN[1]
    ]
    acn.sort(key=lambda item: (item[0]["arrival_local"], item[1]))
    write(
        HERE / "sessions" / "acn-2019.csv",
        "arrival_local,departure_local,energy_kwh,site,energy_requested_kwh,departure_estimated_local",
        (
            [
                row["arrival_local"],
                row["departure_local"],
                row["energy_kwh"],
                site,
                row["energy_requested_kwh"],
                row["estimated_departure_local"],
            ]
            for row, site in acn
        ),
    )


if __name__ == "__main__":
    raw_folder = Path(sys.argv[1])
    feeders(raw_folder / "feeders")
    prices(raw_folder / "prices")
    sessions(raw_folder / "ev")
