"""The page's days: a stored run is looked through, a scenario runs on; and the page in a real browser."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from equilibrium.errors import InputError
from sim.cli import main
from sim.manifest import write_manifest
from sim.markets.lots_lead import kind as lots_lead
from sim.options import RunOptions
from sim.simulate import simulate
from sim.web import serve
from sim.web.days import RunDays, ScenarioDays, open_days
from tests.sim.made_days import made_day, stored_run

ROOT = Path(__file__).parents[2]
PAPER = "epec-lots-33-case1"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def test_a_stored_run_is_looked_through(tmp_path: Path) -> None:
    run = stored_run(tmp_path, lots_lead.KIND, [made_day(k) for k in range(3)])
    write_manifest(run.folder, {"currency": "EUR"})
    days = open_days(str(run.folder))
    assert isinstance(days, RunDays)
    assert (days.day, days.running, days.note) == (0, True, "")
    days.step()
    days.step()
    assert (days.day, days.running, days.note) == (2, False, "this is the last day of the run")
    days.step()
    assert days.day == 2
    days.show(1)
    assert (days.day, days.running, days.note) == (1, True, "")
    assert days.kind is lots_lead.KIND


def test_a_scenario_runs_on_and_shows_what_a_run_has() -> None:
    days = open_days(PAPER)
    assert isinstance(days, ScenarioDays)
    assert (days.day, days.days) == (0, [0])
    days.step()
    assert (days.day, days.days) == (1, [0, 1])
    wanted = [pd.DataFrame(dict(day.tables["days"])) for day in simulate(case(), RunOptions(days=2, seed=1))]
    found = days.run.days.drop(columns="seconds")
    assert found["network_cost"].tolist() == [float(each["network_cost"].iloc[0]) for each in wanted]
    assert days.run.manifest["currency"] == "EUR"
    days.show(0)
    assert days.day == 0
    folder = days.run.folder
    days.close()
    assert not folder.exists()


def case() -> Any:
    from scenarios.loading import load_scenario

    return load_scenario(PAPER)


def test_prices_that_end_end_the_days(tmp_path: Path) -> None:
    (tmp_path / "short.yaml").write_text(
        "extends: week-33\ntitle: short\nprices: {after_end: stop, start: 2024-06-23}\n", encoding="utf-8"
    )
    days = ScenarioDays(str(tmp_path / "short.yaml"))
    assert (days.running, days.note) == (False, "the scenario's prices end here")
    days.step()
    assert days.days == [0]
    days.close()


def test_the_server_is_this_machine_s_alone_and_tells_nobody(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert serve.HOST == "127.0.0.1"
    settings = serve.settings_of_server("x")
    assert settings[serve.SOURCE] == "x"
    assert settings["SOLARA_TELEMETRY_MIXPANEL_ENABLE"] == "false"
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert main(["app", PAPER]) == 2
    assert "pip install 'equilot[app]'" in capsys.readouterr().err
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    with pytest.raises(InputError, match="no-such"):
        serve.check_source("no-such")


class Browser:
    """A page in headless Chromium, spoken to over its debugging port; it notes requests to other machines."""

    def __init__(self, line: Any) -> None:
        self._line, self._number = line, 0
        self.elsewhere: list[str] = []

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        self._number += 1
        self._line.send(json.dumps({"id": self._number, "method": method, "params": given}))
        while True:
            said = json.loads(self._line.recv(timeout=60))
            if said.get("method") == "Network.requestWillBeSent":
                address = said["params"]["request"]["url"]
                if not address.startswith((f"http://{serve.HOST}:", "data:", "blob:")):
                    self.elsewhere.append(address)
            if said.get("id") == self._number:
                return dict(said["result"])

    def run(self, code: str) -> Any:
        return self.call("Runtime.evaluate", expression=code, returnByValue=True)["result"].get("value")

    def wait(self, code: str) -> None:
        """Wait until an expression is true; how long that takes says nothing."""
        while not self.run(code):
            time.sleep(0.5)


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    client = pytest.importorskip("websockets.sync.client")
    assert CHROMIUM is not None
    words = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", f"--user-data-dir={folder}"]
    chromium = subprocess.Popen([CHROMIUM, *words, "about:blank"], stderr=subprocess.DEVNULL)
    try:
        while not (folder / "DevToolsActivePort").exists():
            assert chromium.poll() is None
            time.sleep(0.2)
        port = (folder / "DevToolsActivePort").read_text(encoding="utf-8").split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
            pages = [each for each in json.load(answer) if each["type"] == "page"]
        with client.connect(pages[0]["webSocketDebuggerUrl"], max_size=None) as line:
            yield Browser(line)
    finally:
        chromium.terminate()
        chromium.wait()


@contextmanager
def server(source: str, log: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind((serve.HOST, 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "equilot", "app", source, "--port", str(port), "--no-browser"]
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            command, cwd=log.parent, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=file, stderr=file
        )
        try:
            while not _answers(port):
                assert process.poll() is None, log.read_text(encoding="utf-8")
                time.sleep(0.5)
            yield f"http://{serve.HOST}:{port}"
        finally:
            process.terminate()
            process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex((serve.HOST, port)) == 0


@pytest.mark.long
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_the_page_in_a_browser_shows_a_day_and_steps_to_the_next(tmp_path: Path) -> None:
    for name in ("solara", "altair", "websockets"):
        pytest.importorskip(name)
    click = "[...document.querySelectorAll('button')].find(b => b.innerText.trim().toUpperCase() === 'STEP').click()"
    with server(PAPER, tmp_path / "server.log") as address, browser(tmp_path / "profile") as page:
        page.call("Network.enable")
        page.call("Page.navigate", url=address)
        page.wait("document.body !== null && document.body.innerText.includes('Step: 0')")
        page.wait("document.querySelectorAll('svg').length + document.querySelectorAll('img').length >= 2")
        assert page.run("document.body.innerText.includes('lowest volt.')")
        page.run(click)
        page.wait("document.body.innerText.includes('Step: 1')")
        page.wait("[...document.querySelectorAll('tbody tr')].length === 3")  # two days and their sum
        assert page.elsewhere == []
