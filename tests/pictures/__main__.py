"""`python -m tests.pictures`: plays the story in the demo and takes the documents' pictures.

It needs Chromium and takes some minutes. What is drawn by lot is drawn the same each time: ids, and
the market. Times are those of the day.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from unittest import mock

import pytest

from bot.demo import require_extra

require_extra()

from bot.demo.stage import set_stage  # noqa: E402
from bot.domain import rentals  # noqa: E402
from tests.browser import chromium  # noqa: E402
from tests.pictures.story import POLICY, WATCH_S, Story  # noqa: E402
from tests.pictures.windows import Windows  # noqa: E402

log = logging.getLogger("tests.pictures")

DOCUMENTS = Path(__file__).parents[2] / "docs" / "pictures"


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__)
    parser.add_argument("--to", type=Path, default=DOCUMENTS, help="the folder they go to")
    folder = parser.parse_args(words).to
    logging.basicConfig(format="%(message)s")
    logging.getLogger("tests").setLevel(logging.INFO)
    os.environ["TZ"] = "UTC"
    time.tzset()
    with tempfile.TemporaryDirectory(prefix="pictures-") as drafts:
        try:
            with mock.patch.object(rentals, "secrets", random.Random(8)):
                taken = asyncio.run(_take(Path(drafts)))
        except pytest.skip.Exception as missing:
            log.error("%s", missing)
            return 1
        _publish(taken, folder)
    return 0


async def _take(drafts: Path) -> list[Path]:
    """The pictures of the whole story; none where it could not be played to its end."""
    async with AsyncExitStack() as stack:
        browser = await stack.enter_async_context(chromium())
        stage = await stack.enter_async_context(
            set_stage(data=None, fast=2, page_port=0, policy=POLICY, watch_s=WATCH_S)
        )
        assert stage.demo.pages is not None
        windows = Windows(browser, stage.demo.pages.address, drafts, stack)
        await Story(stage, windows).play()
    return windows.taken


def _publish(taken: Sequence[Path], folder: Path) -> None:
    """Put them into the folder, in place of all that were there."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    for one in taken:
        shutil.copy(one, folder / one.name)


if __name__ == "__main__":
    sys.exit(main())
