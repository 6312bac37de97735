"""SSH in words: how to connect to a machine, and the list of a person's own keys."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.ssh_keys import MOST, OwnKey, PublicKey
from bot.services.ssh import Access
from cogs.ui import buttons, cards, look

MOST_BUTTONS = 5


def access(found: Access) -> look.Card:
    """The command line, VS Code's address, and what the machine shows of itself first."""
    keys = ", ".join(_short(one.key) for one in found.keys[:5])
    return look.card(
        f"### SSH to {cards.title(found.rental)}",
        look.lines(
            "**In a terminal**",
            f"```\n{found.command}\n```",
            "**In VS Code**, with Remote-SSH: paste this into your browser's address bar",
            f"`{found.vscode}`",
        ),
        look.lines(
            "**The first time**, the machine must show this fingerprint. If it shows another one, "
            "do not go on, and tell a lead.",
            f"`{found.fingerprint or 'not known yet'}`",
        ),
        f"It takes these keys of yours: {keys}. A new one is there after some seconds."
        if found.keys
        else "**It does not take a key of yours yet.** Add your public key below; the machine has "
        "it some seconds later.",
        controls=[buttons.AddKey("add")],
    )


def keys(own: Sequence[OwnKey], *, added: Sequence[PublicKey] = ()) -> look.Card:
    """A person's own keys, with a button to remove each."""
    if not own:
        return look.card(
            "### You have no SSH key here\n"
            "Add the public half of yours, the line in a file that ends in .pub. It is put on your "
            "machines, and on those shared with you to work in.",
            controls=[buttons.AddKey("add")],
        )
    heading = "Your SSH keys"
    if added:
        heading = f"{len(added)} key{'s' if len(added) > 1 else ''} added"
    return look.card(
        look.lines(
            f"### {heading}",
            "They are put on your machines, and on those shared with you to work in.",
        ),
        look.lines(*(_line(one) for one in own)),
        f"-# {len(own)} of at most {MOST}",
        controls=[buttons.AddKey("add"), *_removing(own)],
    )


def removed(own: OwnKey) -> look.Card:
    return look.card(
        "### The key is removed\n"
        f"{_short(own.key)} is taken off every machine within some seconds. A connection that is "
        "open with it stays open until it ends; /destroy ends a machine at once."
    )


def _line(own: OwnKey) -> str:
    comment = f" · {look.clean(own.key.comment, 60)}" if own.key.comment else ""
    return f"`{own.key.fingerprint}`\n-# {_kind(own.key)}{comment} · added {look.ago(own.added_at)}"


def _removing(own: Sequence[OwnKey]) -> list[look.Control]:
    return [buttons.ChooseKeyToRemove(own)] if own else []


def _short(key: PublicKey) -> str:
    return look.clean(key.comment, 40) or f"`{key.fingerprint[:19]}…`"


def _kind(key: PublicKey) -> str:
    kind = key.kind.removeprefix("sk-").removeprefix("ssh-").partition("@")[0]
    device = ", on a security device" if key.kind.startswith("sk-") else ""
    return f"{kind.replace('ecdsa-sha2-', 'ecdsa ')}{device}"
