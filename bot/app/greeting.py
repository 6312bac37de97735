"""What serves people who are new: the guide, and the greeting of a server."""

from __future__ import annotations

from bot.adapters.discord.doorstep import DiscordDoorstep
from bot.app.parts import Outside, Shared
from bot.client import Bellhop
from bot.config import Settings
from bot.services.budgets import Budgets
from bot.services.guide import Guide
from bot.services.welcome import Greeter, Welcome
from cogs.ui import welcome as welcome_cards


def make_guide(outside: Outside, shared: Shared, budgets: Budgets) -> Guide:
    return Guide(
        store=outside.store, budgets=budgets, policies=shared.policies, limits=shared.limits
    )


def make_welcome(settings: Settings, outside: Outside, shared: Shared, budgets: Budgets) -> Welcome:
    return Welcome(
        store=outside.store,
        policies=shared.policies,
        budgets=budgets,
        clock=outside.clock,
        joined=shared.joined,
        named_id=settings.guild_id,
    )


def make_greeter(outside: Outside, shared: Shared, *, client: Bellhop) -> Greeter:
    return Greeter(
        store=outside.store,
        welcome=client.services.welcome,
        doorstep=DiscordDoorstep(client=client, render=welcome_cards.card),
        clock=outside.clock,
        joined=shared.joined,
    )
