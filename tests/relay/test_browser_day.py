"""A working day in a real browser, in front of a real JupyterLab behind a real SSH connection."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from bot.domain.rentals import RentalId
from tests.browser import chromium
from tests.relay.books import RENTAL
from tests.relay.conftest import House, until
from tests.relay.linked import linked

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.timeout(400)]

SLOW_MS = 90_000
BREAK_S = 30.0
NAME = "day.ipynb"
UPLOAD = "数据 données.txt"
WIDGET = """\
import ipywidgets
slider = ipywidgets.IntSlider(description="steps", value=3)
slider.observe(lambda change: open("moved", "w").write(str(change.new)), "value")
slider"""
LONG = """\
import os, time
for step in range(4):
    while not os.path.exists(f"go{step}"):
        time.sleep(0.02)
    print("line", step, flush=True)
    open(f"done{step}", "w").close()"""


async def test_a_working_day(lab: House, lab_folder: Path, tmp_path: Path) -> None:
    """In by ticket; a cell, a widget, files both ways, a terminal."""
    _write(lab_folder, "print(6 * 7)", WIDGET)
    async with linked(lab, tmp_path), chromium() as browser:
        page = await (await browser.new_context()).new_page()
        page.set_default_timeout(SLOW_MS)
        await _enter(lab, page)
        await _cell(page, 0)
        await expect(_output(page, 0)).to_contain_text("42", timeout=SLOW_MS)
        await _widget(page, lab_folder)
        await _files(lab, page, lab_folder, tmp_path)
        await _terminal(lab, page, lab_folder)
        assert lab.traffic.last_human(RentalId(RENTAL)) is not None


async def test_output_arrives_after_a_break(lab: House, lab_folder: Path, tmp_path: Path) -> None:
    """No SSH for half a minute under a running cell; JupyterLab comes back by itself."""
    _write(lab_folder, LONG)
    async with linked(lab, tmp_path) as link, chromium() as browser:
        page = await (await browser.new_context()).new_page()
        page.set_default_timeout(SLOW_MS)
        await _enter(lab, page)
        await link.fast()
        await _cell(page, 0)
        (lab_folder / "go0").touch()
        await expect(_output(page, 0)).to_contain_text("line 0", timeout=SLOW_MS)
        await link.cut(for_s=BREAK_S)
        for step in (1, 2):
            (lab_folder / f"go{step}").touch()
        await until((lab_folder / "done2").exists, within_s=30)
        assert not link.connected()
        await until(link.connected, within_s=BREAK_S + 60)
        (lab_folder / "go3").touch()

        await expect(_output(page, 0)).to_contain_text(
            "line 0\nline 1\nline 2\nline 3", timeout=SLOW_MS
        )


async def _enter(lab: House, page: Page) -> None:
    await page.goto(lab.origin() + await lab.ticket())
    await page.get_by_role("button", name="Open the notebook").click()
    await page.wait_for_url(f"{lab.origin()}/lab*")
    await page.goto(f"{lab.origin()}/lab/tree/{NAME}")
    # JupyterLab drops a cell that is run before its kernel is there.
    await expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=SLOW_MS)


async def _cell(page: Page, number: int) -> None:
    await page.locator(".jp-Notebook .jp-CodeCell .cm-content").nth(number).click()
    await page.keyboard.press("Control+Enter")


def _output(page: Page, number: int) -> Locator:
    return page.locator(".jp-Notebook .jp-CodeCell").nth(number).locator(".jp-OutputArea")


async def _widget(page: Page, folder: Path) -> None:
    """It is drawn, and moving it reaches Python."""
    await _cell(page, 1)
    handle = _output(page, 1).locator(".noUi-handle")
    await expect(handle).to_be_visible(timeout=SLOW_MS)
    await handle.focus()
    await page.keyboard.press("ArrowRight")
    await until((folder / "moved").exists, within_s=30)
    await until(lambda: (folder / "moved").read_text() == "4", within_s=30)


async def _files(lab: House, page: Page, folder: Path, outside: Path) -> None:
    """Up through JupyterLab's own button, and down again as the browser saves it."""
    mine = outside / UPLOAD
    mine.write_text("mine\n" * 100_000)
    async with page.expect_file_chooser() as choosing:
        await page.get_by_title("Upload Files").first.click()
    await (await choosing.value).set_files(mine)
    await until(lambda: _size(folder / UPLOAD) == mine.stat().st_size, within_s=30)

    async with page.expect_download() as saving:
        await page.evaluate(
            """name => {
                const link = document.createElement("a");
                link.href = "/files/" + encodeURIComponent(name) + "?download=1";
                link.click();
            }""",
            UPLOAD,
        )
    saved = await saving.value
    assert saved.suggested_filename == UPLOAD
    await saved.save_as(outside / "saved")
    assert (outside / "saved").read_bytes() == mine.read_bytes()


async def _terminal(lab: House, page: Page, folder: Path) -> None:
    await page.goto(f"{lab.origin()}/lab?reset")
    await page.get_by_title("Start a new terminal session").first.click()
    terminal = page.locator(".jp-Terminal .xterm-helper-textarea")
    await terminal.wait_for(state="attached", timeout=SLOW_MS)
    async with asyncio.timeout(60):
        while _size(folder / "terminal.txt") != 6:
            # What is typed before the shell is there goes nowhere, and nothing shows when it is.
            await page.locator(".jp-Terminal-body, .jp-Terminal").first.click()
            await terminal.focus()
            await page.keyboard.type("echo ty''ped > $HOME/work/terminal.txt\n", delay=20)
            await asyncio.sleep(1)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else -1


def _write(folder: Path, *cells: str) -> None:
    made = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for number, source in enumerate(cells)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}}
    notebook = {"cells": made, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (folder / NAME).write_text(json.dumps(notebook))
