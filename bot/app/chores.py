"""What goes on by itself, by who does it: the chat's chores, the work on rentals, the door's.

One process does all of it, or several share it out (`role_*.py`).
"""

from __future__ import annotations

from bot.adapters.discord.bulletins import DiscordBoard
from bot.adapters.discord.post import ChannelPost
from bot.adapters.discord.presence import DiscordPresence
from bot.app.counter import make_board_keeper, make_letters, make_scout
from bot.app.greeting import make_greeter
from bot.app.guests import make_key_rounds, make_share_rounds
from bot.app.parts import Counter, Outside, Shared
from bot.app.work import (
    SWEEP_POLLS,
    make_ahead,
    make_bills,
    make_departures,
    make_questions,
    make_reports,
    make_retention,
    make_sweep,
    make_watch,
)
from bot.client import Bellhop
from bot.config import Settings
from bot.ports.chat import Homes
from bot.ports.machines import Paths
from bot.relay.app import Relay
from bot.schedule import Tick
from bot.services.bulletins import Bulletins
from bot.services.idle import IdleWatch
from bot.services.notices import Notices
from bot.services.reconciler import Reconciler
from bot.services.ssh import Ssh
from bot.tasks import Tasks
from cogs.ui import bulletins as bulletin_cards
from cogs.ui.cards import rental_card

DELIVER_TICK_S = 5.0
BILL_TICK_S = 600.0
LOOK_OUT_TICK_S = 60.0


def make_board(client: Bellhop) -> DiscordBoard:
    return DiscordBoard(client=client, render=bulletin_cards.bulletin)


def chat_chores(
    settings: Settings,
    outside: Outside,
    shared: Shared,
    counter: Counter,
    *,
    client: Bellhop,
    board: DiscordBoard,
    tasks: Tasks,
) -> Notices:
    """What is said in the chat, and what is asked of it; needs its session."""
    notices = Notices(
        store=outside.store,
        post=ChannelPost(client=client, render=rental_card, clock=outside.clock),
        news=shared.news,
        clock=outside.clock,
    )
    bulletins = Bulletins(
        store=outside.store,
        board=board,
        news=shared.telling,
        clock=outside.clock,
        policies=shared.policies,
        charts=shared.charts,
    )
    presence = DiscordPresence(client=client)
    scout = make_scout(outside, counter, client=client)
    keeper = make_board_keeper(outside, shared, counter, client=client)
    tasks.once("pictures", shared.charts.load())
    tasks.forever("departures", make_departures(settings, outside, members=presence).run)
    tasks.forever("notices", notices.run)
    tasks.forever("letters", make_letters(outside, shared, client=client).run)
    tasks.forever("bulletins", bulletins.run)
    tasks.forever("boards", keeper.run)
    tasks.forever("scout", lambda: scout.run(shared.looking_out))
    tasks.forever("shares", make_share_rounds(outside, shared, client=client).run)
    tasks.forever("greetings", make_greeter(outside, shared, client=client).run)
    return notices


def chat_ticks(shared: Shared) -> list[Tick]:
    return [
        Tick(name="deliver", every_s=DELIVER_TICK_S, wake=shared.news.set),
        Tick(name="look out", every_s=LOOK_OUT_TICK_S, wake=shared.looking_out.set),
    ]


def work_chores(
    settings: Settings,
    outside: Outside,
    shared: Shared,
    counter: Counter,
    *,
    idle: IdleWatch,
    reconciler: Reconciler,
    paths: Paths,
    homes: Homes,
    ssh: Ssh,
    tasks: Tasks,
) -> None:
    """What is done with machines, archives and books; one process at a time."""
    questions = make_questions(outside, shared, idle=idle)
    bills = make_bills(settings, outside, shared)
    tasks.forever("reconciler", reconciler.run)
    tasks.forever("sweep", make_sweep(settings, outside, shared, homes=homes).run)
    tasks.forever("watch", make_watch(settings, shared, paths=paths).run)
    tasks.forever("questions", lambda: questions.run(shared.asking, reconciler.reported))
    tasks.forever("budgets", counter.budgets.run)
    tasks.forever("reports", make_reports(outside, shared).run)
    tasks.forever("bills", lambda: bills.run(shared.billing))
    tasks.forever("credit", lambda: counter.credit.run(shared.crediting))
    tasks.forever("archives", make_retention(outside, shared).run)
    tasks.forever("ahead", make_ahead(outside, shared, tasks=tasks).run)
    tasks.forever("ssh keys", make_key_rounds(outside, shared, ssh=ssh).run)


def work_ticks(settings: Settings, shared: Shared) -> list[Tick]:
    slow_s = settings.poll_s * SWEEP_POLLS
    return [
        Tick(name="reconcile", every_s=settings.poll_s, wake=shared.wake.set),
        Tick(name="bill", every_s=BILL_TICK_S, wake=shared.billing.set),
        Tick(name="credit", every_s=slow_s, wake=shared.crediting.set),
        Tick(name="ask", every_s=settings.watch_s, wake=shared.asking.set),
        Tick(name="sweep", every_s=slow_s, wake=shared.sweeping.set),
    ]


def door_chores(outside: Outside, shared: Shared, *, relay: Relay, tasks: Tasks) -> None:
    """What the relay does besides answering."""
    tasks.forever("kernels", relay.keep_joined)
    tasks.forever("curfew", relay.keep_curfew)
    tasks.forever("recordings", outside.recorder.run)
    tasks.forever("shortages", lambda: outside.shortages.run(shared.news))
