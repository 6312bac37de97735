"""Where people are served: made from what reaches out, and what is shared."""

from __future__ import annotations

from bot.adapters.discord.boards import DiscordPanels
from bot.adapters.discord.mail import DiscordMail
from bot.adapters.discord.tidings import DiscordTidings
from bot.app.greeting import make_guide, make_welcome
from bot.app.guests import make_sharing, make_ssh
from bot.app.parts import Counter, Outside, Shared
from bot.app.work import make_reports, make_retention
from bot.client import Bellhop, Services
from bot.config import Settings
from bot.domain.rentals import Rental
from bot.services.boards import BoardKeeper, Boards
from bot.services.budgets import Budgets
from bot.services.credit import Credit
from bot.services.desk import Desk
from bot.services.far_archives import Measure
from bot.services.letters import Letters
from bot.services.lookouts import Lookouts
from bot.services.moves import Moves
from bot.services.offers import Offers
from bot.services.scout import Scout
from bot.services.shelf import Deleting, Shelf
from bot.services.spend import Spend
from cogs.ui import boards as board_cards
from cogs.ui import lookouts as lookout_cards
from cogs.ui import questions as letter_cards


def make_counter(
    outside: Outside, shared: Shared, budgets: Budgets, *, deleting: Deleting | None = None
) -> Counter:
    offers = Offers(
        market=outside.market,
        grudges=outside.store,
        clock=outside.clock,
        policies=shared.policies,
    )
    shelf = Shelf(
        archives=outside.archives, retention=make_retention(outside, shared), deleting=deleting
    )
    desk = Desk(
        store=outside.store,
        market=outside.market,
        offers=offers,
        shelf=shelf,
        budgets=budgets,
        clock=outside.clock,
        wake=shared.wake,
        news=shared.news,
        limits=shared.limits,
    )
    credit = Credit(
        store=outside.store,
        market=outside.market,
        policies=shared.policies,
        clock=outside.clock,
        wake=shared.wake,
        telling=shared.telling,
    )
    return Counter(offers=offers, shelf=shelf, desk=desk, budgets=budgets, credit=credit)


def make_client(
    settings: Settings,
    outside: Outside,
    shared: Shared,
    counter: Counter,
    *,
    measure: Measure | None = None,
) -> Bellhop:
    sharing = make_sharing(outside, shared)
    return Bellhop(
        services=Services(
            sharing=sharing,
            ssh=make_ssh(outside, shared, sharing),
            guide=make_guide(outside, shared, counter.budgets),
            welcome=make_welcome(settings, outside, shared, counter.budgets),
            desk=counter.desk,
            offers=counter.offers,
            moves=make_moves(outside, counter, measure or measuring(outside)),
            downloads=outside.downloads,
            lookouts=Lookouts(
                store=outside.store, desk=counter.desk, offers=counter.offers, clock=outside.clock
            ),
            spend=Spend(
                store=outside.store,
                budgets=counter.budgets,
                charts=shared.charts,
                clock=outside.clock,
                credit=counter.credit,
            ),
            reports=make_reports(outside, shared),
            links=outside.links,
            shelf=counter.shelf,
            interactions=outside.store,
            policies=shared.policies,
            budgets=counter.budgets,
            boards=Boards(store=outside.store, hung=shared.hung),
            clock=outside.clock,
            account=shared.account,
            condition=shared.condition,
        ),
        guild_id=settings.guild_id,
    )


def make_board_keeper(
    outside: Outside, shared: Shared, counter: Counter, *, client: Bellhop
) -> BoardKeeper:
    return BoardKeeper(
        store=outside.store,
        panels=DiscordPanels(client=client, render=board_cards.card, said=board_cards.said),
        budgets=counter.budgets,
        credit=counter.credit,
        account=shared.account,
        policies=shared.policies,
        clock=outside.clock,
        hung=shared.hung,
    )


def make_scout(outside: Outside, counter: Counter, *, client: Bellhop) -> Scout:
    return Scout(
        store=outside.store,
        desk=counter.desk,
        offers=counter.offers,
        tidings=DiscordTidings(client=client, render=lookout_cards.letter),
        clock=outside.clock,
    )


def measuring(outside: Outside) -> Measure:
    """How large a rental's work is, seen from a process that is connected to its machine."""

    async def measure(rental: Rental) -> int:
        shell = outside.tunnels.shell(rental.id)
        return (await outside.archives.estimate(rental, shell)).bytes

    return measure


def make_moves(outside: Outside, counter: Counter, measure: Measure) -> Moves:
    return Moves(
        store=outside.store,
        desk=counter.desk,
        offers=counter.offers,
        measure=measure,
        clock=outside.clock,
    )


def make_letters(outside: Outside, shared: Shared, *, client: Bellhop) -> Letters:
    return Letters(
        store=outside.store,
        mail=DiscordMail(client=client, render=letter_cards.letter, clock=outside.clock),
        news=shared.news,
        clock=outside.clock,
        policies=shared.policies,
    )
