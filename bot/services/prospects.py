"""Looking ahead from a price: the transfer that comes with it, and the month it would make."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.access import Actor
from bot.domain.budgets import HOUR, held_until
from bot.domain.prospects import Prospect, prospect
from bot.domain.purses import TEAM, Scope, Subject
from bot.domain.rentals import Quote
from bot.ports.books import Store
from bot.services.budgets import Budgets


async def look_ahead(store: Store, budgets: Budgets, actor: Actor, quote: Quote) -> Prospect:
    """For the person and the team whether or not they have a budget; for those roles that do."""
    now, month = quote.made_at, await budgets.month()
    limited = {one.subject for one in await store.budgets(quote.guild_id)}
    roles = [Subject(Scope.ROLE, role) for role in sorted(actor.role_ids)]
    whose = [Subject(Scope.MEMBER, actor.id), *(one for one in roles if one in limited), TEAM]
    saved = await store.archives(guild_id=quote.guild_id, owner_id=actor.id)
    until = held_until(now, quote.hours, month, now)
    return prospect(
        rates=quote.offer.rates,
        image=quote.image,
        forecast=quote.forecast,
        archived=next((one.bytes for one in saved if one.restorable), None),
        hours=quote.per_hour.over(max(until - now, timedelta()), per=HOUR),
        until=until,
        used=await store.used(quote.guild_id, month, whose),
    )
