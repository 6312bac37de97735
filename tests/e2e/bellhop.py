"""`bellhop` itself, every verb, with Discord at another address: `python -m tests.e2e.bellhop run`.

`TEST_DISCORD` is that address. `TEST_DOUBT_S` shortens the time for which silence says nothing, so
that a matrix of deaths takes minutes; without it the real one holds. `TEST_CLOCK` is a file with
the seconds by which the program's clock is off.
"""

from __future__ import annotations

import functools
import os
import sys
from datetime import timedelta
from pathlib import Path

import discord.gateway
import discord.http
import yarl

import bot.app.role_bot
import bot.app.role_relay
import bot.app.role_worker
from bot.__main__ import main
from bot.domain.limits import Limits
from tests.e2e.clocks import follow

discord.http.Route.BASE = os.environ["TEST_DISCORD"]
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(
    os.environ["TEST_DISCORD"].replace("http", "ws", 1) + "/gateway"
)

if doubt_s := os.environ.get("TEST_DOUBT_S"):
    doubt = timedelta(seconds=float(doubt_s))
    hasty = functools.partial(Limits, doubt=doubt, missing=doubt, destroy_again=doubt)
    for module in (bot.app, bot.app.role_bot, bot.app.role_worker, bot.app.role_relay):
        module.Limits = hasty  # type: ignore[assignment]

if moved := os.environ.get("TEST_CLOCK"):
    follow(Path(moved))

sys.exit(main())
