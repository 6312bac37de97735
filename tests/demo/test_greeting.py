"""The demo's server is greeted like any other: the whole service, wired as in production."""

from __future__ import annotations

from pathlib import Path

from bot.demo.hands import Hands
from bot.demo.stage import set_stage
from bot.domain.idle_policy import Policy


async def test_the_owner_of_the_demos_server_is_greeted_and_done_at_once(tmp_path: Path) -> None:
    """Grace finds the card in her messages; its server is the one that the settings name."""
    async with set_stage(
        data=tmp_path / "d", fast=1, page_port=None, policy=Policy(), watch_s=5
    ) as made:
        world = made.demo.world
        grace = Hands(made.demo.env, world, world.people["grace"], inbox=True)
        card = await grace.see(lambda one: "Bellhop is in" in one.text, "a greeting", 60)
        assert "DISCORD_GUILD_ID names this server" in card.text

        await grace.press(card, "Done")

        ready = await grace.see(lambda one: "Bellhop is ready" in one.text, "the answer", 60)
        assert "#gpu" in ready.text
        assert ready.id == card.id
