"""The Discord client: loads the cogs, syncs the commands, and turns errors into words.

This is the door between Discord and the services. What a command or a button raises ends here as a
private card with the error's own sentences; anything that is not an error of the house gets an
incident id, which the person reads and the log explains.
"""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp
import discord
from discord import app_commands
from discord.ext import commands

from bot.domain.access import Actor
from bot.domain.rentals import RentalId
from bot.errors import (
    BotError,
    Chat,
    Config,
    NotHere,
    Refused,
    Repeated,
    Store,
    Told,
    Unavailable,
    told,
)
from bot.log import bind, bound
from bot.ports.bulletins import Interactions
from bot.ports.clock import Clock
from bot.services.account import AccountWatch
from bot.services.boards import Boards
from bot.services.budgets import Budgets
from bot.services.desk import Desk
from bot.services.downloads import Downloads
from bot.services.guide import Guide
from bot.services.health import Condition
from bot.services.lookouts import Lookouts
from bot.services.moves import Moves
from bot.services.offers import Offers
from bot.services.policy import Policies
from bot.services.reports import Reports
from bot.services.sharing import Sharing
from bot.services.shelf import Shelf
from bot.services.spend import Spend
from bot.services.ssh import Ssh
from bot.services.welcome import Welcome
from bot.starts import Starts

log = logging.getLogger(__name__)

EXTENSIONS = (
    "cogs.ui.buttons",
    "cogs.ui.setters",
    "cogs.ui.several",
    "cogs.offers",
    "cogs.rent",
    "cogs.lookouts",
    "cogs.status",
    "cogs.board",
    "cogs.machines",
    "cogs.moves",
    "cogs.keep",
    "cogs.archives",
    "cogs.spend",
    "cogs.budget",
    "cogs.settings",
    "cogs.sharing",
    "cogs.ssh",
    "cogs.help",
    "cogs.welcome",
)

TROUBLE_COLOUR = 0xDA373C
_ANSWER_S = 10
_LOGIN_S = 60  # the library repeats what Discord answers with a 5xx, for half a minute
_MARKS = re.compile(r"([\\*_~`|\[\]#>]|^-)", re.MULTILINE)
_UNKNOWN_INTERACTION = 10062
_ALREADY_ACKNOWLEDGED = 40060
_CHANGED = Told("This command has just changed.", "Reload Discord (Ctrl+R) and try again.")
_TOKEN_REFUSED = 4004  # the gateway's code, also for one that was reset while we were online


class Tickets(Protocol):
    async def issue(self, actor: Actor, rental_id: RentalId, *, port: int | None = None) -> str:
        """The address that lets this person into a notebook, once, for five minutes.

        With a port, to what listens there instead. Raises NotFound, NotYours, NotReady, BadInput.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the cogs are made of; each takes its part in `setup`."""

    desk: Desk
    offers: Offers
    lookouts: Lookouts
    spend: Spend
    reports: Reports
    links: Tickets
    shelf: Shelf
    interactions: Interactions
    policies: Policies
    budgets: Budgets
    boards: Boards
    moves: Moves
    downloads: Downloads
    sharing: Sharing
    ssh: Ssh
    guide: Guide
    welcome: Welcome
    clock: Clock
    account: AccountWatch = field(default_factory=AccountWatch)
    condition: Condition = field(default_factory=Condition)


class Bellhop(commands.Bot):
    """The bot. Needs no privileged intent: it reads no messages and lists no members."""

    def __init__(self, *, services: Services, guild_id: int | None = None) -> None:
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # we never speak
        super().__init__(
            command_prefix=commands.when_mentioned,  # asked for by the library, and never used
            help_command=None,
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            max_messages=None,
            tree_cls=_Tree,
        )
        self.services = services
        self.starts = Starts()
        self._guild_id = guild_id

    async def setup_hook(self) -> None:
        """Load every cog, or fail the start; then tell Discord which commands there are."""
        for name in EXTENSIONS:
            await self.load_extension(name)
        await self.tree.sync()
        if self._guild_id is not None:
            await self._sync_to(discord.Object(self._guild_id))

    async def log_in(self, token: str) -> None:
        """Be online until closed; a connection that breaks is made again by the library.

        Raises Config when Discord refuses the token, now or later, and Unavailable when it cannot
        be asked for the first time.
        """
        try:
            async with asyncio.timeout(_LOGIN_S):
                await self.login(token)
        except discord.LoginFailure as error:
            raise Config(
                "DISCORD_TOKEN",
                "is refused by Discord. Copy the bot's token from the portal again.",
            ) from error
        except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unavailable(
                f"no login: {error}", public="Discord cannot be reached.", hint="Try again later."
            ) from error
        await self.starts.turn(self.http)
        try:
            await self.connect()
        except discord.ConnectionClosed as error:
            if error.code != _TOKEN_REFUSED:
                raise
            raise Config(
                "DISCORD_TOKEN",
                "is no longer taken by Discord: it was reset. Copy the new one from the portal.",
            ) from error

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """A session that cannot be resumed is begun anew: that, too, is one of the day's.

        The library gives us a minute here, then connects anew and asks again.
        """
        await super().before_identify_hook(shard_id, initial=initial)
        if not initial:
            await self.starts.turn(self.http)

    async def take(
        self,
        interaction: discord.Interaction[Any],
        *,
        private: bool = False,
        repeatable: bool = False,
    ) -> None:
        """Acknowledge a command or a click, and then make sure that it is carried out once.

        Discord waits three seconds, so this comes before all work, and before the database is
        asked. With `private` the person gets an answer of their own, else the message they pressed
        on is to be changed. Raises Repeated for one that was taken before: Discord may bring one
        twice, and two processes may both get it. What is `repeatable` may be carried out twice, and
        so it is also where nothing can be written down: that is when people look what is wrong.
        """
        try:
            if private:
                await interaction.response.defer(ephemeral=True, thinking=True)
            else:
                await interaction.response.defer()
        except discord.HTTPException as error:
            if error.code != _ALREADY_ACKNOWLEDGED:
                raise
            raise Repeated(f"interaction {interaction.id} is another process's") from error
        bind(person=interaction.user.id)  # each command and click is a task of its own
        services = self.services
        try:
            new = await services.interactions.take_interaction(interaction.id, services.clock.now())
        except Store as error:
            if not repeatable:
                raise
            log.warning("an interaction was not written down: %s", error)
            return
        if not new:
            raise Repeated(f"interaction {interaction.id} was carried out before")

    async def answer(self, interaction: discord.Interaction[Any], error: BaseException) -> None:
        """Tell the person who acted what went wrong. Never raises for what Discord does."""
        error = _cause(error)
        if isinstance(error, discord.NotFound) and error.code == _UNKNOWN_INTERACTION:
            log.warning("an interaction had expired before it was answered")
            return
        if isinstance(error, Repeated):
            log.info("not done twice: %s", error)
            return
        with bound(person=interaction.user.id):
            view = _card(error)
        try:
            async with asyncio.timeout(_ANSWER_S):
                if interaction.response.is_done():
                    await interaction.followup.send(view=view, ephemeral=True)
                else:
                    await interaction.response.send_message(view=view, ephemeral=True)
        except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError) as failure:
            log.warning("an error could not be told to %s: %s", interaction.user.id, failure)

    async def _sync_to(self, guild: discord.Object) -> None:
        """The same commands in one server, where they show at once."""
        self.tree.copy_global_to(guild=guild)
        try:
            await self.tree.sync(guild=guild)
        except discord.Forbidden:
            log.warning("DISCORD_GUILD_ID: the bot is not a member of server %s yet", guild.id)


class _Tree(app_commands.CommandTree[Bellhop]):
    async def interaction_check(self, interaction: discord.Interaction[Bellhop]) -> bool:
        """Commands work in a server; a direct message gets a plain refusal."""
        if interaction.guild_id is not None:
            return True
        if interaction.type is not discord.InteractionType.autocomplete:
            refusal = NotHere("used outside a server")
            await self.client.answer(interaction, refusal)
        return False

    async def on_error(
        self, interaction: discord.Interaction[Bellhop], error: app_commands.AppCommandError
    ) -> None:
        await self.client.answer(interaction, error)


def harmless(text: str) -> str:
    """Text without effect: no mark-up, mention, timestamp or link, which Discord makes of many.

    The library's `escape_markdown` leaves alone what stands within something like a link.
    """
    text = _MARKS.sub(r"\\\1", text).replace("<", "‹").replace("@", "@\u200b")
    return text.replace("://", ":/\u200b/").replace("www.", "www\u200b.")


def _cause(error: BaseException) -> BaseException:
    """What a command raised, without the library's wrapping."""
    while isinstance(error, app_commands.CommandInvokeError):
        error = error.original
    return error


def _card(error: BaseException) -> discord.ui.LayoutView:
    """The words for an error, after logging what deserves it."""
    match error:
        case Refused():
            log.info("refused: %s", error)
        case BotError():
            log.warning("could not be done: %s: %s", type(error).__name__, error)
        case discord.HTTPException() if error.status == 429 or error.status >= 500:
            log.warning("Discord did not take an answer: %s", error)
            return _worded(Told(Chat.public, Chat.hint))
        case app_commands.CommandNotFound() | app_commands.CommandSignatureMismatch():
            log.warning("a command of an older version was used: %s", error)
            return _worded(_CHANGED)
    said = told(error)
    if said.incident:
        log.error("incident %s", said.incident, exc_info=error)
    return _worded(said)


def _worded(said: Told) -> discord.ui.LayoutView:
    text = f"**{harmless(said.public)}**\n{harmless(said.hint)}".strip()
    container: discord.ui.Container[discord.ui.LayoutView] = discord.ui.Container(
        discord.ui.TextDisplay(text[:3900]), accent_colour=TROUBLE_COLOUR
    )
    return discord.ui.LayoutView(timeout=None).add_item(container)
