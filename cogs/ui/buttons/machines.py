"""The buttons of a machine: open it, end it, replace it, move it."""

from __future__ import annotations

from typing import Protocol, cast

from cogs.ui.buttons.button import ID, Press, Style, button


class Machines(Protocol):
    """The cog that opens and ends machines."""

    async def open(self, press: Press, rental_id: str) -> None: ...
    async def ask_to_destroy(self, press: Press, rental_id: str) -> None: ...
    async def destroy(self, press: Press, rental_id: str) -> None: ...
    async def ask_to_discard(self, press: Press, rental_id: str) -> None: ...
    async def discard(self, press: Press, rental_id: str) -> None: ...
    async def leave_alone(self, press: Press, rental_id: str) -> None: ...
    async def agree(self, press: Press, rental_id: str, offer_id: int) -> None: ...
    async def replace(self, press: Press, rental_id: str) -> None: ...


def cog(press: Press) -> Machines:
    return cast(Machines, press.client.get_cog("Machines"))


async def _agree(press: Press, chosen: str) -> None:
    machine, _, offer = chosen.partition("-")
    await cog(press).agree(press, machine, int(offer))


Open = button(
    "open",
    "Open",
    Style.success,
    lambda press, machine: cog(press).open(press, machine),
)

# The first of two presses: asks.
Destroy = button(
    "destroy",
    "Archive and destroy",
    Style.secondary,
    lambda press, machine: cog(press).ask_to_destroy(press, machine),
)

# The same as Destroy, on a machine that nobody has worked on yet.
Cancel = button(
    "stop",
    "Cancel",
    Style.secondary,
    lambda press, machine: cog(press).ask_to_destroy(press, machine),
)

# The second press: the work is archived and proven, then the machine ends.
ReallyDestroy = button(
    "destroy!",
    "Archive and destroy",
    Style.danger,
    lambda press, machine: cog(press).destroy(press, machine),
)

# Asks once more before work is given up.
Discard = button(
    "discard",
    "Destroy without archive",
    Style.secondary,
    lambda press, machine: cog(press).ask_to_discard(press, machine),
)

# The last press: gives the work up.
ReallyDiscard = button(
    "discard!",
    "Lose it and destroy",
    Style.danger,
    lambda press, machine: cog(press).discard(press, machine),
)

LeaveAlone = button(
    "leave",
    "Keep it",
    Style.secondary,
    lambda press, machine: cog(press).leave_alone(press, machine),
)

# Yes to a dearer machine; it carries which one, so that an old card agrees to no other.
Agree = button(
    "agree",
    "Rent",
    Style.success,
    _agree,
    subject=rf"{ID}-[0-9]{{1,15}}",
)

# Asks for a quote of another machine; the old one stays.
Replace = button(
    "replace",
    "Replace",
    Style.primary,
    lambda press, machine: cog(press).replace(press, machine),
)

BUTTONS = (
    Open,
    Destroy,
    Cancel,
    ReallyDestroy,
    Discard,
    ReallyDiscard,
    LeaveAlone,
    Agree,
    Replace,
)
