"""The buttons and the menus of our cards. Each carries what it is about in its custom id.

So they work after a restart, on any card that was ever sent, and nothing about them is kept in
memory. A press leads to the cog that does the same thing for a command, and the services check
there, every time, whether this person may.
"""

from __future__ import annotations

from bot.client import Bellhop
from cogs.ui.buttons import (
    browsing,
    keeping,
    machines,
    menus,
    money,
    more,
    moving,
    renting,
    sharing,
    shelves,
    ssh,
    waiting,
    welcome,
)
from cogs.ui.buttons.browsing import Act, Browse, By, Compare, Narrow, Stand, WatchForm
from cogs.ui.buttons.button import Style
from cogs.ui.buttons.form import add_forms
from cogs.ui.buttons.keeping import (
    ArchiveAndEnd,
    ArchiveAndStay,
    CallOff,
    GiveUp,
    KeepHours,
    KeepTomorrow,
    LargeAndEnd,
    LargeAndStay,
)
from cogs.ui.buttons.machines import (
    Agree,
    Cancel,
    Destroy,
    Discard,
    LeaveAlone,
    Open,
    ReallyDestroy,
    ReallyDiscard,
    Replace,
)
from cogs.ui.buttons.menus import ChooseMove, ChooseOffer
from cogs.ui.buttons.money import Approve, AskMore, Deny, ShowWeek
from cogs.ui.buttons.more import ChooseAction, More
from cogs.ui.buttons.moving import Larger, Move
from cogs.ui.buttons.renting import DropQuote, Rent
from cogs.ui.buttons.sharing import ChooseShareToEnd, EndShare, Enter
from cogs.ui.buttons.shelves import DeleteArchive, KeepArchive, KeepLonger
from cogs.ui.buttons.ssh import AddKey, ChooseKeyToRemove, KeyForm
from cogs.ui.buttons.waiting import WaitCancel, WaitQuote, WaitRent, WaitTell

__all__ = [
    "Act",
    "AddKey",
    "Agree",
    "Approve",
    "ArchiveAndEnd",
    "ArchiveAndStay",
    "AskMore",
    "Browse",
    "By",
    "CallOff",
    "Cancel",
    "ChooseAction",
    "ChooseKeyToRemove",
    "ChooseMove",
    "ChooseOffer",
    "ChooseShareToEnd",
    "Compare",
    "DeleteArchive",
    "Deny",
    "Destroy",
    "Discard",
    "DropQuote",
    "EndShare",
    "Enter",
    "GiveUp",
    "KeepArchive",
    "KeepHours",
    "KeepLonger",
    "KeepTomorrow",
    "KeyForm",
    "LargeAndEnd",
    "LargeAndStay",
    "Larger",
    "LeaveAlone",
    "More",
    "Move",
    "Narrow",
    "Open",
    "ReallyDestroy",
    "ReallyDiscard",
    "Rent",
    "Replace",
    "ShowWeek",
    "Stand",
    "Style",
    "WaitCancel",
    "WaitQuote",
    "WaitRent",
    "WaitTell",
    "WatchForm",
]


async def setup(bot: Bellhop) -> None:
    """Let the client know every button, menu and form that is on any card, or below one."""
    bot.add_dynamic_items(
        *browsing.ITEMS,
        *keeping.BUTTONS,
        *machines.BUTTONS,
        *money.BUTTONS,
        *more.BUTTONS,
        *moving.BUTTONS,
        *renting.BUTTONS,
        *sharing.BUTTONS,
        *shelves.BUTTONS,
        *ssh.BUTTONS,
        *waiting.BUTTONS,
        *welcome.BUTTONS,
        menus.ChooseOffer,
        menus.ChooseMove,
        more.ChooseAction,
        sharing.ChooseShareToEnd,
        ssh.ChooseKeyToRemove,
    )
    add_forms(bot, *browsing.FORMS, *ssh.FORMS, *welcome.FORMS)
