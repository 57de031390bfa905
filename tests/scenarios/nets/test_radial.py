"""From a grid to a radial feeder: loops, parallel branches, rings, several roots, and the keys of a scenario."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import yaml

from equilibrium.errors import InputError
from scenarios.loading import load_scenario
from scenarios.readers.nets.net import LINE, SWITCH, TRANSFORMER, Net, NetBranch, NetBuilder, NetBus, NetRoot
from scenarios.readers.nets.radial import Band, RadialNet, radial_net
from tests.scenarios.nets.made import MATPOWER, changed, pandapower_json, pandapower_net, table


def net(branches: list[NetBranch], roots: tuple[int, ...] = (0,), kv: tuple[float, ...] = (10, 10, 10, 10)) -> Net:
    build = NetBuilder("net", "net", [NetBus("abcd"[k], value) for k, value in enumerate(kv)])
    build.branches += branches
    build.roots += [NetRoot(f"grid {root}", root, 1.0 + 0.02 * root) for root in roots]
    build.add_load(1, 30 + 10j)
    return build.build()


def line(name: str, start: int, end: int, r: float = 1.0, x: float = 0.0, rating: float = math.inf) -> NetBranch:
    return NetBranch(name, f"line {name}", LINE, start, end, r, x, rating_kva=rating)


def radial(grid: Net, **options: object) -> RadialNet:
    return radial_net(grid, Band(0.9, 1.1, None), **options)


def test_parallel_lines_share_by_admittance() -> None:
    # 2 ohm and 3 ohm: 1.2 ohm, of which the first carries 0.6 and is full at 100 kVA in all
    made = radial(
        net([line("p", 0, 1, 2.0, rating=60), line("q", 1, 0, 3.0, rating=90), line("r", 1, 2), line("s", 2, 3)])
    )
    assert made.feeder.r_ohm == pytest.approx([0, 1.2, 1, 1])
    assert made.feeder.rating_kva[1] == pytest.approx(100)
    assert "parallel branches are one: p, q" in made.notes


def test_parallel_lines_of_other_angles_share_by_the_size_of_their_admittance() -> None:
    # 1 ohm beside 1j ohm is 0.5 + 0.5j ohm; each carries 1 / sqrt(2) of the current
    made = radial(net([line("p", 0, 1, 1.0, 0.0, 60), line("q", 0, 1, 0.0, 1.0, 50), line("r", 1, 2, 0.25, 0.75)]))
    assert made.feeder.r_ohm == pytest.approx([0, 0.5, 0.25])
    assert made.feeder.x_ohm == pytest.approx([0, 0.5, 0.75])
    assert made.feeder.rating_kva[1] == pytest.approx(50 * math.sqrt(2.0))


@pytest.mark.parametrize("count", [1, 2])
def test_a_transformer_stated_from_either_end_is_the_same(count: int) -> None:
    """Seen from its start an impedance is that from its end times the square of the ratio; both are kept."""
    kv = (10, 0.4, 0.4, 0.4)
    names, there, back = "tu"[:count], (0, 1, 0.02, 0.05, 24.0), (1, 0, 0.02 * 24**2, 0.05 * 24**2, 1 / 24.0)
    down, up = ([NetBranch(name, name, TRANSFORMER, *each, 250.0) for name in names] for each in (there, back))
    square = (10.0 / (10.0 / 24.0)) ** 2 / count
    for branches in (down, up, [down[0], *up[1:]]):
        made = radial(net([*branches, line("l", 1, 2, 0.1, 0.2)], kv=kv))
        assert made.idle_kv == pytest.approx([10, 10 / 24.0, 10 / 24.0])
        assert made.feeder.r_ohm == pytest.approx([0, 0.02 * square, 0.1 * 24**2])
        assert made.feeder.x_ohm == pytest.approx([0, 0.05 * square, 0.2 * 24**2])
        assert made.feeder.rating_kva[1] == pytest.approx(250 * count)


def test_parallel_transformers_of_unequal_ratio_are_refused() -> None:
    one, two = (NetBranch(name, name, TRANSFORMER, 0, 1, 1, 1, ratio) for name, ratio in (("t1", 25.0), ("t2", 24.0)))
    with pytest.raises(InputError, match=r"open: got 't2 with ratio 24', expected the ratio of t1 \(25\)"):
        radial(net([one, two], kv=(10, 0.4, 0.4, 0.4)))


def test_rings_of_switches_are_no_loops() -> None:
    ring = [
        NetBranch(name, name, SWITCH, start, end, 0, 0) for name, start, end in (("s", 0, 1), ("t", 1, 2), ("u", 2, 0))
    ]
    made = radial(net([*ring, line("l", 2, 3)]))
    assert made.feeder.size == 4
    assert "1 closed switches join buses that others join already: u" in made.notes


def test_several_roots_are_joined_only_when_asked() -> None:
    grid = net([line("l", 0, 1), line("m", 3, 2)], roots=(0, 3))
    with pytest.raises(InputError, match=r"roots: got '2 external grids'"):
        radial(grid)
    made = radial(grid, roots=["a", "d"])
    assert made.feeder.buses == ("a", "b", "c", "d")
    assert made.feeder.parent.tolist() == [-1, 0, 3, 0]
    assert made.idle_kv == pytest.approx([10, 10, 10.6, 10.6])  # the second one holds 1.06
    alone = radial(grid, roots=["a"])
    assert alone.feeder.buses == ("a", "b")
    assert any(note.startswith("2 buses have no supply") for note in alone.notes)
    with pytest.raises(InputError, match=r"roots: got 'e', expected buses of the grid, such as a, d"):
        radial(grid, roots=["e"])


def test_two_roots_on_one_tree_are_a_loop() -> None:
    with pytest.raises(InputError, match=r"open: got '1 closed loop'.*\(m, n, l\)"):
        radial(net([line("l", 0, 1), line("m", 1, 2), line("n", 2, 3)], roots=(0, 3)), roots=["a", "d"])


def test_a_message_about_many_loops_fits_a_screen() -> None:
    size = 40
    build = NetBuilder("net", "net", [NetBus(f"a bus with a long name {k}", 10.0) for k in range(size)])
    build.branches += [line(f"from {i} to {j}", i, j) for i in range(size) for j in range(i)]
    build.roots.append(NetRoot("grid", 0, 1.0))
    with pytest.raises(InputError, match=r"741 closed loops.*and 737 more") as raised:
        radial(build.build())
    assert len(str(raised.value)) < 1500


def scenario(folder: Path, case: Path, feeder: dict[str, object], **keys: object) -> Path:
    """The small scenario with a grid of pandapower's in the place of its feeder."""
    data = yaml.safe_load(case.read_text()) | {"feeder": feeder, **keys}
    data["microturbines"], data["renewables"], data["lots"][0]["bus"] = [], [], "low"
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


@pytest.fixture
def tables_file(tmp_path: Path) -> Path:
    (tmp_path / "net.json").write_text(pandapower_json(pandapower_net()))
    return tmp_path / "net.json"


@pytest.mark.parametrize("market", ["lots-lead", "nodal"])
def test_a_scenario_reads_a_net(tmp_path: Path, case: Path, tables_file: Path, market: str) -> None:
    loaded = load_scenario(str(scenario(tmp_path, case, {"file": "net.json"}, market={"kind": market})))
    assert loaded.network.feeder.buses == ("feed", "middle", "end", "low")
    assert tables_file in loaded.paths
    assert any("1 generator feeds in 40 kW" in note for note in loaded.notes)
    profile = loaded.base_load_kw[:, 1] / 300.0
    assert loaded.base_load_kw[:, 3] == pytest.approx(100.0 * profile - 40.0)
    resolved = loaded.resolved()
    assert resolved["feeder"]["file"] == str(tables_file)


def test_generation_has_a_factor_and_a_profile(tmp_path: Path, case: Path, tables_file: Path) -> None:
    assert tables_file.is_file()
    feeder = {"file": "net.json", "generation_scale": 0.5, "generation_profile": "pv"}
    loaded = load_scenario(str(scenario(tmp_path, case, feeder)))
    fed_in = 100.0 * loaded.base_load_kw[:, 1] / 300.0 - loaded.base_load_kw[:, 3]
    assert fed_in[0] == pytest.approx(0.0, abs=1e-9)
    assert 5.0 < fed_in.max() <= 20.0


def test_what_the_keys_refuse(tmp_path: Path, case: Path, tables_file: Path) -> None:
    loop = changed(pandapower_net(), "line", 1, "parallel", 1)
    loop["switch"] = table(["bus", "element", "et", "closed", "name"], [[0, 2, "b", True, "tie"]])
    (tmp_path / "loop.json").write_text(pandapower_json(loop))
    for feeder, message in (
        ({"file": "loop.json"}, "line 14, feeder.open: got '1 closed loop'"),
        ({"file": "net.json", "open": ["c"]}, "feeder.open: got 'c', expected a line, transformer or switch"),
        ({"file": "net.json", "name": "ieee33"}, "feeder.file: got"),
        ({"name": "ieee33", "open": ["a"]}, "feeder.open: got ('a',), expected this key only beside feeder.file"),
        ({"file": "none.json"}, "feeder.file: got 'none.json', expected an existing file or folder"),
        ({"name": "net.json"}, "or feeder.file for a file of another program"),
        ({"rating_kva": 100}, "feeder.name: got None, expected name, a bundled feeder or a folder, or file"),
        ({"file": "net.json", "rating_kva": 5e8}, "feeder.rating_kva: got 500000000.0, expected at most"),
        ({"file": "net.json", "generation_profile": "sea"}, "feeder.generation_profile: got 'sea', expected one of"),
    ):
        with pytest.raises(InputError) as raised:
            load_scenario(str(scenario(tmp_path, case, feeder)))
        assert message.removeprefix("line 14, ") in str(raised.value)
    opened = load_scenario(str(scenario(tmp_path, case, {"file": "loop.json", "open": ["b"]})))
    assert opened.network.feeder.parent.tolist() == [-1, 0, 0, 2]
    assert tables_file.is_file()


def test_a_file_takes_the_place_of_the_name_that_it_extends(tmp_path: Path, case: Path) -> None:
    (tmp_path / "small.m").write_text(MATPOWER)
    over = tmp_path / "over.yaml"
    over.write_text(
        f"extends: {case.name}\nfeeder: {{file: small.m}}\nrenewables: []\nmicroturbines: []\n"
        "lots:\n- {name: x, bus: 7, places: 2, charger_kw: 22, charging_price_eur_per_kwh: 0.4}\n"
    )
    assert load_scenario(str(over)).network.feeder.name == "small"


@pytest.mark.parametrize("name", ["disco-15", "aggregator-37", "aggregators-37"])
def test_the_other_markets_read_a_net(tmp_path: Path, name: str) -> None:
    (tmp_path / "small.m").write_text(MATPOWER)
    bundled = load_scenario(name)
    data = bundled.resolved()
    own = {
        "name": None,
        "file": str(tmp_path / "small.m"),
        "root_voltage_pu": None,
        "trunk": [],
        "trunk_current_max_a": None,
    }
    data["feeder"] |= own
    for section in (data, *data.get("aggregators", ())):
        for kind in ("lots", "generators", "renewables"):
            for unit in section.get(kind, ()):
                unit["bus"] = "7"
    data["loads"] |= {"file": None, "profile": "load" if name == "disco-15" else data["loads"]["profile"]}
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(data))
    loaded = load_scenario(str(path))
    contents = loaded.contents()
    assert contents.feeder is not None
    assert contents.load_kw is not None
    assert contents.feeder.buses == ("1", "2", "3", "7")
    assert contents.feeder.root_voltage_pu == 1.02
    assert tmp_path / "small.m" in loaded.paths
    assert any("1 generator feeds in 30 kW" in note for note in loaded.notes)
    without = load_scenario(str(path), {"feeder": {"generation_scale": 0.0}}).contents().load_kw
    assert without - contents.load_kw == pytest.approx(np.full(without.size, 30.0))


def test_a_retailer_sells_at_least_nothing(tmp_path: Path) -> None:
    (tmp_path / "small.m").write_text(MATPOWER)
    data = load_scenario("aggregator-37").resolved()
    data["feeder"] |= {"name": None, "file": "small.m", "generation_scale": 40.0}
    data["loads"]["file"] = None
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(data))
    with pytest.raises(
        InputError, match=r"feeder.generation_scale: got 40.0, expected generators that feed in no more"
    ):
        load_scenario(str(tmp_path / "own.yaml"))
