"""A tab is closed while a cell prints: whoever comes back finds all of it. In a real JupyterLab,
seen through the relay with a real Chromium.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from bot.domain.outputs import Execution
from tests.browser import chromium
from tests.relay.books import RENTAL
from tests.relay.conftest import House, until

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.timeout(240)]

LAB_MS = 60_000
NAME = "train.ipynb"

# It prints and draws a progress bar, one step for each file that appears: the test holds the clock.
CODE = """\
import os, sys, time
from IPython.display import display
bar = display("epoch none", display_id=True)
for step in range(6):
    while not os.path.exists(f"go{step}"):
        time.sleep(0.02)
    print("line", step)
    bar.update(f"epoch {step}")
for step in range(6):
    sys.stderr.write(f"\\rloss {step}")
    sys.stderr.flush()
"""


async def test_output_of_a_closed_tab_is_there_after_the_end(lab: House, tmp_path: Path) -> None:
    """The whole browser is gone while the cell prints, and the next one finds every line."""
    work = _notebook(tmp_path)
    async with chromium() as browser:
        async with _open(lab, browser) as page:
            await _run(page)
            _go(work, 0, 1)
            await expect(_outputs(page)).to_contain_text("line 1", timeout=LAB_MS)
        _go(work, 2, 3, 4, 5)
        await until(lambda: not _running(lab), within_s=30)

        async with _open(lab, browser) as page:
            await _shows(page, "line 0\nline 1\nline 2\nline 3\nline 4\nline 5")
            await expect(_outputs(page)).to_contain_text("epoch 5")
            await expect(_outputs(page)).to_contain_text("loss 5")
            await expect(_outputs(page)).not_to_contain_text("loss 4")
            await expect(page.locator(".jp-InputPrompt").first).to_have_text(re.compile(r"\[1\]"))
            assert await page.locator(".jp-Dialog").count() == 0
    assert "line 5" in _in_file(work)


async def test_output_of_a_closed_tab_goes_on_in_the_next(lab: House, tmp_path: Path) -> None:
    """The cell still runs when somebody comes back: what was and what comes is shown."""
    work = _notebook(tmp_path)
    async with chromium() as browser:
        async with _open(lab, browser) as page:
            await _run(page)
            _go(work, 0, 1)
            await expect(_outputs(page)).to_contain_text("line 1", timeout=LAB_MS)
        _go(work, 2, 3)
        await until(lambda: "line 3" in _kept(lab), within_s=30)

        async with _open(lab, browser) as page:
            await _shows(page, "line 0\nline 1\nline 2\nline 3")
            _go(work, 4, 5)
            await _shows(page, "line 0\nline 1\nline 2\nline 3\nline 4\nline 5")
            await expect(page.locator(".jp-InputPrompt").first).to_have_text(re.compile(r"\[1\]"))
            await _save(page)
            await until(lambda: "line 5" in _in_file(work), within_s=30)
            assert await page.locator(".jp-Dialog").count() == 0


@asynccontextmanager
async def _open(lab: House, browser: Browser) -> AsyncIterator[Page]:
    """A browser of its own, in which the notebook is open and its kernel there."""
    context = await browser.new_context()
    try:
        page = await context.new_page()
        await page.goto(lab.origin() + await lab.ticket())
        await page.get_by_role("button", name="Open the notebook").click()
        await page.wait_for_url(re.compile("/lab"))
        await page.goto(f"{lab.origin()}/lab/tree/{NAME}")
        await page.locator(".jp-Notebook .cm-content").first.wait_for(timeout=LAB_MS)
        yield page
    finally:
        await context.close()


async def _run(page: Page) -> None:
    await page.get_by_text("(ipykernel) | Idle").wait_for(timeout=LAB_MS)
    await page.locator(".jp-Notebook .cm-content").first.click()
    await page.keyboard.press("Shift+Enter")


async def _save(page: Page) -> None:
    await page.locator(".jp-Notebook .cm-content").first.click()
    await page.keyboard.press("Control+s")


async def _shows(page: Page, text: str) -> None:
    said = page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stdout']")
    await expect(said).to_have_text(re.compile(rf"^\s*{text}\s*$"), timeout=LAB_MS)


def _outputs(page: Page) -> Locator:
    return page.locator(".jp-Cell-outputArea").first


def _notebook(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    cell = {
        "cell_type": "code",
        "id": "training",
        "metadata": {},
        "source": CODE,
        "outputs": [],
        "execution_count": None,
    }
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    notebook = {
        "cells": [cell],
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (work / NAME).write_text(json.dumps(notebook))
    return work


def _go(work: Path, *steps: int) -> None:
    for step in steps:
        (work / f"go{step}").touch()


def _in_file(work: Path) -> str:
    """What the outputs in the file say; nothing while Jupyter is writing it."""
    text = (work / NAME).read_text()
    return "".join(
        "".join(output.get("text", ""))
        for cell in (json.loads(text)["cells"] if text.rstrip().endswith("}") else [])
        for output in cell.get("outputs", [])
    )


def _runs(lab: House) -> list[Execution]:
    return lab.outputs.held(RENTAL)


def _running(lab: House) -> bool:
    return any(not run.done for run in _runs(lab))


def _kept(lab: House) -> str:
    return "".join(str(output.get("text", "")) for run in _runs(lab) for output in run.outputs)
