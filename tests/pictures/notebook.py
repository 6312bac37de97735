"""Ada's morning in the real JupyterLab of her machine."""

from __future__ import annotations

import re

from playwright.async_api import Page, expect

FILE = "lesson1.ipynb"
LAB_MS = 240_000
CELLS = (
    "!nvidia-smi -L",
    "losses = [round(2.3 * 0.82**epoch, 3) for epoch in range(12)]\n"
    "for epoch, loss in enumerate(losses[:4]):\n"
    '    print(f"epoch {epoch}  loss {loss}")',
    "import matplotlib.pyplot as plt\n"
    "plt.figure(figsize=(6, 2.2))\n"
    "plt.plot(losses)\n"
    'plt.title("training loss");',
)


async def enter(ticket: Page) -> None:
    """Press the one button of the ticket's page."""
    await ticket.get_by_role("button").click()
    await ticket.wait_for_url(re.compile("/lab"))


async def work(lab: Page) -> None:
    """A new notebook with three cells that have run, saved."""
    await lab.locator('.jp-LauncherCard[data-category="Notebook"]').first.click(timeout=LAB_MS)
    await lab.get_by_text("| Idle").wait_for(timeout=LAB_MS)
    for number, code in enumerate(CELLS):
        cell = lab.locator(".jp-Notebook .jp-CodeCell .cm-content").nth(number)
        await cell.click(timeout=LAB_MS)
        await lab.keyboard.insert_text(code)
        await lab.keyboard.press("Shift+Enter")
    outputs = lab.locator(".jp-Notebook .jp-OutputArea-output")
    await expect(outputs.nth(1)).to_contain_text("epoch 3", timeout=LAB_MS)
    await expect(lab.locator(".jp-OutputArea-output img").first).to_be_visible(timeout=LAB_MS)
    await lab.keyboard.press("Control+s")
    await lab.get_by_role("dialog").get_by_role("textbox").fill(FILE)
    await lab.get_by_role("button", name="Rename and Save").click()
    await lab.get_by_role("dialog").wait_for(state="detached")
    await lab.locator(".jp-DirListing-itemText").filter(has_text=FILE).wait_for(timeout=LAB_MS)
    await expect(lab.get_by_text("| Idle")).to_be_visible(timeout=LAB_MS)
    await lab.locator(".jp-Notebook").evaluate("e => { e.scrollTop = 0 }")


async def find_again(lab: Page, origin: str) -> None:
    """The same notebook on another machine, opened by its name."""
    await lab.goto(f"{origin}/lab/tree/{FILE}")
    await lab.locator(".jp-OutputArea-output img").first.wait_for(timeout=LAB_MS)
    await lab.get_by_text("| Idle").wait_for(timeout=LAB_MS)
