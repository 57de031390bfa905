"""Commands of OpenDSS scripts by themselves: which properties they give which element, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from equilibrium.errors import InputError
from scenarios.readers.nets.dss_text import PROPERTIES, DssScript


def read(folder: Path, text: str, **others: str) -> DssScript:
    for name, other in others.items():
        (folder / f"{name}.dss").write_text(other)
    (folder / "x.dss").write_text(text)
    return DssScript.read(folder / "x.dss")


def cells(folder: Path, text: str, name: str = "line.a") -> dict[str, object]:
    kind, _, own = name.partition(".")
    return read(folder, text).elements[kind, own].cells


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("New Line.A bus1=b1 length=2", {"bus1": "b1", "length": "2"}),
        ("new object=line.a Bus1=b1", {"bus1": "b1"}),
        ("new 'line.a' b1 b2 code 3", {"bus1": "b1", "bus2": "b2", "linecode": "code", "length": "3"}),
        ("new line.a length=3 4", {"length": "3", "phases": "4"}),  # what has no name follows what had one
        ("new line.a r1=1, x1 = 2", {"r1": "1", "x1": "2"}),
        ("new line.a len=3", {"length": "3"}),
        ("new line.a r=3", {"r1": "3"}),  # the first that begins so
        (
            "new line.a rmatrix=[1 2 | 3] bus1=\"b 1\" bus2='b 2'",
            {"rmatrix": "[1 2 | 3]", "bus1": "b 1", "bus2": "b 2"},
        ),
        ("new line.a length=3 ! length=4\n// new line.a length=5", {"length": "3"}),
        ("new line.a length=3\n~ bus1=b\nmore bus2=c", {"length": "3", "bus1": "b", "bus2": "c"}),
        ("new line.a length=3\nedit line.a length=4", {"length": "4"}),
        ("new line.a length=3\nline.a.length=5\n~ bus1=b", {"length": "5", "bus1": "b"}),
        ("new line.b length=3\nnew line.a like=B bus1=c", {"length": "3", "bus1": "c"}),
        ("new line.a length=3\nbatchedit line..* bus1=b", {"length": "3", "bus1": "b"}),
        ("new line.a length=3\nbatchedit line.b bus1=b", {"length": "3"}),
        ("new line.a length=3\nbatchedit load..* kw=2", {"length": "3"}),
        ("new line.a length=3\nbatchedit fuse..* x=2", {"length": "3"}),
        ("clear\nsolve\nnew line.a length=3\nshow x", {"length": "3"}),
        ("new loadshape.s npts=3\nnew line.a length=3", {"length": "3"}),
    ],
)
def test_properties(text: str, found: dict[str, object], tmp_path: Path) -> None:
    assert cells(tmp_path, text) == found


def test_a_pattern_is_found_anywhere_in_a_name(tmp_path: Path) -> None:
    names = ("ab", "b1", "c", "abc")
    text = "\n".join(f"new line.{name} length=1" for name in names)
    script = read(tmp_path, f"{text}\nbatchedit line.b length=2\nbatchedit line.a.*c length=3")
    assert [script.elements["line", name].cells["length"] for name in names] == ["2", "2", "1", "3"]


def test_windings_have_their_own_properties(tmp_path: Path) -> None:
    script = read(
        tmp_path,
        "new transformer.t windings=2 wdg=1 bus=a kv=10 wdg=2 bus=b kv=0.4 %r=1 xhl=4\n~ kv=9\n"
        "new transformer.u like=t",
    )
    element, like = script.elements["transformer", "t"], script.elements["transformer", "u"]
    assert element.cells == {"windings": "2", "xhl": "4"} == like.cells
    assert element.windings == [{"bus": "a", "kv": "9"}, {"bus": "b", "kv": "0.4", "%r": "1"}] == like.windings
    like.windings[0]["kv"] = "8"
    assert element.windings[0]["kv"] == "9"


def test_a_ninth_winding_is_the_last(tmp_path: Path) -> None:
    element = read(tmp_path, "new transformer.t wdg=9 bus=a").elements["transformer", "t"]
    assert element.windings == [*[{}] * 8, {"bus": "a"}]


def test_the_circuit_is_its_source(tmp_path: Path) -> None:
    script = read(tmp_path, "new circuit.town basekv=10 pu=1.02\nedit vsource.source pu=1")
    assert script.elements["vsource", "source"].cells == {"basekv": "10", "pu": "1"}
    assert script.elements["vsource", "source"].record.where == "line 1, vsource.source"
    assert [each.name for each in script.of("vsource", "line")] == ["source"]
    assert script.frequency == 60.0
    assert read(tmp_path, "set DefaultBaseFrequency=50").frequency == 50.0


def test_controls_and_what_is_left_out_are_named_without_properties(tmp_path: Path) -> None:
    script = read(tmp_path, "new regcontrol.r x=1\n~ y=2\nnew pvsystem.p z=3")
    assert {key: each.cells for key, each in script.elements.items()} == {
        ("regcontrol", "r"): {},
        ("pvsystem", "p"): {},
    }


def test_what_is_opened_and_closed(tmp_path: Path) -> None:
    script = read(
        tmp_path, "open Line.A 1\ndisable load.b\nopen line.c\nclose line.c\nopen line.d\nenable line.d\nopen"
    )
    assert script.opened == {"line.a", "load.b", ""}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("new fuel.f x=1", f"line 1: got 'fuel.f', expected a class that is read ({', '.join(PROPERTIES)})"),
        ("\n~ kw=3", "line 2: got '~ kw=3', expected an element before its continuation"),
        ("more kw=3", "line 1: got 'more kw=3', expected an element before its continuation"),
        ("new loadshape.s\n~ kw=3", "line 2: got '~ kw=3', expected an element before its continuation"),
        ("delete line.a", "line 1: got 'delete line.a', expected a command of a script that states a grid"),
        (f"delete {'x' * 53}y", f"line 1: got 'delete {'x' * 53}', expected a command of a script that states a grid"),
        ("new line.a like=b", "line 1: got 'like=b', expected a line that is stated before"),
        ("new load.a like=b\nnew line.b", "line 1: got 'like=b', expected a load that is stated before"),
        ("new transformer.t wdg=0", "line 1, transformer.t, wdg: got '0', expected a number >= 1"),
        ("new transformer.t wdg=10 bus=a", "line 1, transformer.t, wdg: got '10', expected at most 9 windings"),
        ("set loadmult=2", "line 1, set loadmult: got '2', expected 1: loads.scale of the scenario scales"),
        ("set genmult=0.5", "line 1, set genmult: got '0.5', expected 1: feeder.generation_scale of the "
         "scenario scales"),
        ("batchedit line.a[12] length=1", "line 1, batchedit: got 'line.a[12]', expected names of elements, "
         "with .* in the place of any characters"),
        ("redirect no.dss", "line 1, redirect: got 'no.dss', expected a script that exists, relative to this one"),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, text)
    found = str(error.value).removeprefix(f"{tmp_path / 'x.dss'}: ")
    assert found == said


def test_options_of_the_same_beginning_that_scale_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "set loadmult=1 loadmodel=2 mode=snap\nset genm=1.0").elements == {}


def test_a_property_has_a_place(tmp_path: Path) -> None:
    last = PROPERTIES["generator"][-1]
    text = f"new generator.g {last}=x y"
    with pytest.raises(InputError) as error:
        read(tmp_path, "new generator.o\n" + text.replace("=x", "=o") if last == "like" else text)
    assert str(error.value).endswith(f"got 'y', expected at most {len(PROPERTIES['generator'])} properties")


def test_scripts_call_each_other_so_often_and_no_more(tmp_path: Path) -> None:
    """Eight below the first; paths are relative to the script that calls."""
    (tmp_path / "in").mkdir()
    chain = {f"s{k}": f"redirect s{k + 1}.dss" for k in range(1, 8)}
    script = read(tmp_path, "compile (s1.dss)", **chain, s8="new line.a length=1")
    assert [path.name for path in script.files] == ["x.dss", *(f"s{k}.dss" for k in range(1, 9))]
    with pytest.raises(InputError) as error:
        read(tmp_path, "redirect s0.dss", s0="redirect s1.dss", **chain, s8="new line.a")
    assert str(error.value).endswith("s8.dss: redirect: got '9 scripts deep', expected at most 8")
    (tmp_path / "in" / "a.dss").write_text("redirect b.dss")
    (tmp_path / "in" / "b.dss").write_text("new line.a length=7")
    assert cells(tmp_path, 'redirect "in\\a.dss"') == {"length": "7"}
