"""`/spend`: what somebody has spent, in all and by rental, with a picture and a table."""

from __future__ import annotations

import io
import logging
from typing import Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import Bellhop
from bot.domain.periods import Period
from bot.domain.pictures import Picture, described
from bot.services import spend
from bot.services.reports import Reports
from bot.services.spend import Report
from cogs.ui import inputs, spending
from cogs.ui.inputs import Interaction

log = logging.getLogger(__name__)


class Spend(commands.Cog):
    def __init__(self, *, spend: spend.Spend, reports: Reports) -> None:
        self._spend = spend
        self._reports = reports

    @app_commands.command(name="spend", description="What you have spent, by machine")
    @app_commands.describe(
        member="Somebody else's spending, for leads",
        period="Of which days (default: this month)",
        team="Everybody's together, for leads",
    )
    async def spend(
        self,
        interaction: Interaction,
        member: discord.User | None = None,
        period: Literal["today", "week", "month", "last month", "year"] = "month",
        team: bool = False,
    ) -> None:
        await interaction.client.take(interaction, private=True)
        actor = inputs.actor(interaction)
        inputs.may_ask_about(actor, member)
        report = await self._spend.report(
            actor, member.id if member else None, team=team, period=Period(period)
        )
        whose = "the team" if team else member.mention if member else ""
        await _show(interaction, report, whose, None)
        if (png := await self._picture(report.picture)) is not None:
            await _show(interaction, report, whose, png)  # the figures do not wait for it

    async def week(self, press: Interaction) -> None:
        """The weekly report as of now, in private: the team gets its own on Monday."""
        await press.client.take(press, private=True)
        told = await self._reports.week_so_far(inputs.actor(press))
        png = await self._picture(told.picture)
        await press.edit_original_response(
            view=spending.week(told, picture=png is not None),
            attachments=_files(None, png, told.picture),
        )

    async def _picture(self, picture: Picture | None) -> bytes | None:
        """Without it the figures are still worth having."""
        try:
            return await self._spend.draw(picture) if picture is not None else None
        except TimeoutError:
            log.warning("the picture of the spending took too long")
            return None


async def _show(interaction: Interaction, report: Report, whose: str, png: bytes | None) -> None:
    await interaction.edit_original_response(
        view=spending.card(report, whose=whose, picture=png is not None),
        attachments=_files(report, png, report.picture),
    )


def _files(report: Report | None, png: bytes | None, picture: Picture | None) -> list[discord.File]:
    files = []
    if png is not None and picture is not None:
        said = described(picture)
        files.append(discord.File(io.BytesIO(png), spending.PICTURE, description=said))
    if report is not None and report.lines:
        files.append(discord.File(io.BytesIO(report.table), spending.TABLE))
    return files


async def setup(bot: Bellhop) -> None:
    await bot.add_cog(Spend(spend=bot.services.spend, reports=bot.services.reports))
