"""Every error of the house, in one tree.

    BotError
    ├── Refused                    the person's to fix; said to them, not logged as a fault
    │   ├── BadInput               what was typed cannot be used
    │   │   └── DamagedKey         a public SSH key that cannot be read
    │   ├── NotYours               only the owner or a lead may do this
    │   │   └── LeadsSee           only a lead may see what the team spends
    │   ├── NotFound               no such rental, share, key or file
    │   │   ├── NoQuote            no such quote
    │   │   ├── NoArchive          no such archive
    │   │   ├── NoRequest          no such request for more money
    │   │   └── NoWish             no such wish that waits
    │   ├── NoOffer                nothing on the market fits the wish
    │   ├── OfferGone              rented by somebody else meanwhile
    │   ├── PriceRose              the next best costs more than was quoted
    │   ├── QuoteExpired           the quote is too old to be acted on
    │   ├── Limit                  there are as many machines as are allowed
    │   ├── OverBudget             a budget of the person, a role or the team is used up
    │   ├── LowCredit              the Vast account cannot pay for this
    │   ├── NotReady               the machine cannot be opened yet
    │   ├── NotHere                used in a direct message
    │   ├── Repeated               Discord brought it a second time; nothing is said
    │   └── Busy                   somebody else is doing something with it that must end first
    │       └── BeingMoved         its work goes to another machine
    ├── Provider                   Vast's doing
    │   ├── Down                   no usable answer; worth trying again
    │   ├── RateLimited            asked too often; says how long to wait
    │   ├── Denied                 the key is wrong, revoked or lacks a right
    │   ├── Nonsense               an answer that cannot be understood
    │   └── MayHaveRented          the renting call ended without a yes or a no
    ├── Machine                    the rented machine's doing
    │   ├── Unreachable            SSH is refused or silent; worth trying again
    │   ├── HostKeyChanged         another machine answers at this address
    │   ├── CommandFailed          a command on the machine failed
    │   ├── NotebookFailed         Jupyter cannot be installed or started
    │   ├── LacksTools             it has not what archiving takes
    │   ├── DiskFull               there is no room for what is restored
    │   └── RestoreFailed          what was restored is not what was archived
    ├── Place                      the archive store's doing
    │   ├── PlaceDown              it is away or refuses; worth trying again
    │   ├── Damaged                something in it is lost, cut short or altered
    │   └── Foreign                another installation wrote it
    ├── Chat                       Discord's doing
    │   ├── Unavailable            no usable answer; worth trying again
    │   └── Undeliverable          the channel is gone or closed to us; it will not get better
    ├── Backup                     a backup cannot be written, read or restored
    ├── Store                      the database's doing
    │   ├── Away                   no connection, or no answer in time; worth trying again
    │   ├── Stale                  the row changed meanwhile; drop the result and look again
    │   └── Unreadable             altered, or sealed with another secret
    └── Config                     a setting is missing or wrong; names it

Adapters translate at the border and chain the cause. Each error carries `public`, a sentence that
is safe to show to a person, and `hint`, the next step. `str(error)` is for the log. Only the doors
(`client.py`, `relay/app.py`, `__main__.py`) turn errors into words, and all of them by `told`.
"""

from __future__ import annotations

from bot.errors.machine import (
    CommandFailed,
    DiskFull,
    HostKeyChanged,
    LacksTools,
    Machine,
    NotebookFailed,
    RestoreFailed,
    Unreachable,
)
from bot.errors.ours import (
    Away,
    Backup,
    Chat,
    Damaged,
    Foreign,
    Place,
    PlaceDown,
    Stale,
    Store,
    Unavailable,
    Undeliverable,
    Unreadable,
)
from bot.errors.provider import Denied, Down, MayHaveRented, Nonsense, Provider, RateLimited
from bot.errors.refused import (
    BadInput,
    BeingMoved,
    Busy,
    DamagedKey,
    LeadsSee,
    Limit,
    LowCredit,
    NoArchive,
    NoOffer,
    NoQuote,
    NoRequest,
    NotFound,
    NotHere,
    NotReady,
    NotYours,
    NoWish,
    OfferGone,
    OverBudget,
    PriceRose,
    QuoteExpired,
    Refused,
    Repeated,
)
from bot.errors.root import BotError, Config, system_reason
from bot.errors.words import Told, told

__all__ = [
    "Away",
    "Backup",
    "BadInput",
    "BeingMoved",
    "BotError",
    "Busy",
    "Chat",
    "CommandFailed",
    "Config",
    "Damaged",
    "DamagedKey",
    "Denied",
    "DiskFull",
    "Down",
    "Foreign",
    "HostKeyChanged",
    "LacksTools",
    "LeadsSee",
    "Limit",
    "LowCredit",
    "Machine",
    "MayHaveRented",
    "NoArchive",
    "NoOffer",
    "NoQuote",
    "NoRequest",
    "NoWish",
    "Nonsense",
    "NotFound",
    "NotHere",
    "NotReady",
    "NotYours",
    "NotebookFailed",
    "OfferGone",
    "OverBudget",
    "Place",
    "PlaceDown",
    "PriceRose",
    "Provider",
    "QuoteExpired",
    "RateLimited",
    "Refused",
    "Repeated",
    "RestoreFailed",
    "Stale",
    "Store",
    "Told",
    "Unavailable",
    "Undeliverable",
    "Unreachable",
    "Unreadable",
    "system_reason",
    "told",
]
