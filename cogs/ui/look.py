"""What every card has in common: the frame, the colours of states, prices, times, foreign text.

A card is one container of text blocks with thin lines between them and at most one row of buttons.
Colour says the state and is never the only thing that says it. Text that others wrote (names,
regions, Vast's messages) is cut and made harmless here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import discord

from bot.client import harmless
from bot.domain.forecasts import Forecast
from bot.domain.money import Usd, hourly, hourly_part, storage_per_hour
from bot.domain.offers import Offer, Rates
from bot.domain.rentals import Rental

Card = discord.ui.LayoutView
Control = discord.ui.Item[Any]

WORKING = 0x5865F2
READY = 0x248046
ENDING = 0xC27C0E
ENDED = 0x80848E
FAILED = 0xDA373C

ROOM = 3600
"""Characters of a card's list; Discord takes 4000 for all the text of a message."""


def card(*blocks: str, colour: int | None = None, controls: Sequence[Control] = ()) -> Card:
    """A card of these blocks of text, empty ones left out, with controls in one row below."""
    container: discord.ui.Container[Card] = discord.ui.Container(accent_colour=colour)
    for number, block in enumerate(block for block in blocks if block):
        if number:
            container.add_item(discord.ui.Separator())
        container.add_item(discord.ui.TextDisplay(block))
    for row in _rows(controls):
        container.add_item(row)
    return Card(timeout=None).add_item(container)


def lines(*parts: str) -> str:
    """The parts that are not empty, one below the other."""
    return "\n".join(part for part in parts if part)


def small(text: str) -> str:
    """A line in small print; empty text stays empty."""
    return f"-# {text}" if text else ""


def listing(items: Iterable[str], more: Callable[[int], str], *, room: int = ROOM) -> str:
    """As many items as fit into the room, and the words for how many did not."""
    kept: list[str] = []
    left = 0
    for item in items:
        room -= len(item) + 1
        if left or room < 0:
            left += 1
        else:
            kept.append(item)
    return lines(*kept, more(left) if left else "")


def clean(text: str, limit: int) -> str:
    """Somebody's text on one line, without effect as mark-up, at most `limit` characters."""
    plain = plain_line(text)
    kept = min(len(plain), limit)
    while len(shown := harmless(plain[:kept] + ("…" if kept < len(plain) else ""))) > limit:
        kept -= 1  # escaping makes it longer, by how much depends on what is in it
    return shown


def verbatim(text: str, limit: int) -> str:
    """Somebody's text as code, in which neither mark-up nor links nor mentions work."""
    plain = plain_line(text).replace("`", "'")
    return f"`{plain if len(plain) <= limit else plain[: limit - 1] + '…'}`"


def plain_line(text: str) -> str:
    """The text without line breaks and characters that do not print."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def ago(at: datetime) -> str:
    """“5 minutes ago”, counted on by the reader's own Discord."""
    return f"<t:{int(at.timestamp())}:R>"


def day(at: datetime) -> str:
    return f"<t:{int(at.timestamp())}:d>"


def hour(at: datetime) -> str:
    return f"<t:{int(at.timestamp())}:t>"


def moment(at: datetime) -> str:
    """Day and hour, by the reader's own clock."""
    return f"<t:{int(at.timestamp())}:f>"


def duration(span: timedelta) -> str:
    """“45 s”, “12 min”, “3 h 5 min”, “2 d 4 h”, “2 h”: the two largest parts, without noughts."""
    seconds = int(span.total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if hours < 1:
        return f"{minutes} min"
    large, small = (hours, minutes % 60) if days < 1 else (days, hours % 24)
    units = ("h", "min") if days < 1 else ("d", "h")
    return f"{large} {units[0]}" + (f" {small} {units[1]}" if small else "")


def message_url(rental: Rental) -> str:
    """The way to a rental's card."""
    return f"https://discord.com/channels/{rental.guild_id}/{rental.channel_id}/{rental.message_id}"


def whole_price(rates: Rates, disk_gb: int) -> str:
    """The sum and what it is made of."""
    disk = storage_per_hour(rates.storage_per_gb_month, disk_gb)
    return (
        f"**{hourly(rates.per_hour(disk_gb))}** in all · "
        f"GPU {hourly_part(rates.gpu_per_hour)} · {disk_gb} GB disk {hourly_part(disk)}"
    )


def size(count: int) -> str:
    """Bytes as people say them: 14.5 kB, 3.2 GB."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return (
                f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
            )
        amount /= 1000
    return f"{amount:.1f} TB"


def forecast(foreseen: Forecast) -> str:
    """Size, time and price, as they were foreseen."""
    minutes = max(1, round(foreseen.takes.total_seconds() / 60))
    hours, rest = divmod(minutes, 60)
    time = f"{hours} h {rest} min" if hours else f"{minutes} min"
    return f"{size(foreseen.bytes)}, about {time}, {foreseen.extra} for it"


def vram(offer: Offer) -> str:
    each = f"{offer.vram_gb} GB VRAM"
    return each if offer.gpus == 1 else f"{offer.gpus} × {each}"


def region(offer: Offer) -> str:
    return clean(offer.region, 40) or "region unknown"


def reliability(offer: Offer) -> str:
    return f"{rounded(offer.reliability * 100, '0.1')} % reliable"


def trust(offer: Offer) -> str:
    """What Vast says of a host beside its figures, to be put after them."""
    if offer.datacenter:
        return " · data centre"
    return "" if offer.verified else " · not verified by Vast"


def speeds(offer: Offer) -> str:
    down, up = rounded(offer.download_mbps, "1"), rounded(offer.upload_mbps, "1")
    return f"{down} Mbit/s down, {up} up"


def rounded(amount: Decimal, step: str) -> str:
    return f"{amount.quantize(Decimal(step), rounding=ROUND_HALF_UP):,}"


def per_gb(price: Usd) -> str:
    return f"{price}/GB"


def _rows(controls: Sequence[Control]) -> list[discord.ui.ActionRow[Card]]:
    """Buttons side by side; a menu takes a row of its own."""
    menus = [one for one in controls if one.width == 5]
    buttons = [one for one in controls if one.width != 5]
    groups = [[menu] for menu in menus] + ([buttons] if buttons else [])
    return [discord.ui.ActionRow(*group) for group in groups]
