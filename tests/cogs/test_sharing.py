"""`/share`, `/unshare`, `/open` with a port, `/ssh` and `/sshkey`, as people see them."""

from __future__ import annotations

import logging
from typing import Any

import asyncssh
import pytest

from bot.adapters.discord.invitations import DiscordInvitations
from bot.adapters.discord.members import DiscordMembers
from bot.domain.rentals import Address
from bot.services.share_rounds import ShareRounds
from bot.tasks import Wake
from cogs.ui import sharing as cards
from tests.cogs.conftest import Chat, link, text
from tests.domain.test_ssh_keys import line


async def round_of(chat: Chat) -> None:
    """One round, as the house runs it."""
    client = chat.env.bot
    await ShareRounds(
        sharing=client.services.sharing,
        store=chat.store,
        members=DiscordMembers(client=client, lead_role=lambda: None),
        invitations=DiscordInvitations(client=client, render=cards.letter),
        clock=chat.clock,
        wake=Wake(),
    ).once()


async def test_a_teammate_is_let_in_told_how_and_let_go_of(chat: Chat) -> None:
    """From /share to the letter, its button, /open, /status and /unshare."""
    rental = await chat.ready(name="lesson")
    closed = await chat.ben.slash(chat.channel, "open", rental=rental.id)
    assert "belongs to somebody else" in text(closed.response)

    given = await chat.ada.slash(chat.channel, "share", rental="lesson", member=chat.ben, hours=2)
    assert given.response.ephemeral
    assert "work in its notebook" in text(given.response)
    await round_of(chat)
    (letter,) = chat.ben.user.dm_channel.history()
    assert "is shared with you" in text(letter)
    assert "ada lets you work in its notebook" in text(letter).lower()
    assert "<@" not in text(letter)
    entered = await chat.ben.user.click(letter, label="Open")
    assert "/-/ticket/" in link(entered.response)
    opened = await chat.ben.slash(chat.channel, "open")
    assert "/-/ticket/" in link(opened.response)

    mine = await chat.ada.slash(chat.channel, "status")
    theirs = await chat.ben.slash(chat.channel, "status")
    assert "Shared with" in text(mine.response)
    assert "Shared with you" in text(theirs.response)

    back = await chat.ada.slash(chat.channel, "unshare", rental="lesson", member=chat.ben)
    assert "no longer shared" in text(back.response)
    await round_of(chat)
    assert "no longer shared" in text(chat.ben.user.dm_channel.history()[-1])
    after = await chat.ben.slash(chat.channel, "open", rental=rental.id)
    assert "belongs to somebody else" in text(after.response)


async def test_somebody_who_is_not_in_the_server_is_refused_in_words(chat: Chat) -> None:
    """Discord lets one type the number of anybody; that is no fault of ours."""
    rental = await chat.ready(name="lesson")
    stranger = chat.env.create_user("zed")

    answer = await chat.ada.slash(chat.channel, "share", rental="lesson", member=stranger)

    assert "They are not in this server." in text(answer.response)
    assert await chat.store.open_shares([rental.id]) == []


async def test_a_lead_may_share_and_the_owner_is_told(chat: Chat) -> None:
    """And can take it back in that message."""
    rental = await chat.ready(name="lesson")

    await chat.lead.slash(
        chat.channel, "share", rental=rental.id, member=chat.ben, **{"view-only": True}
    )
    await round_of(chat)

    letter = chat.ada.user.dm_channel.history()[-1]
    assert "look at its notebook" in text(letter)
    ended = await chat.ada.user.click(letter, label="Take it back")
    assert "no longer shared" in text(ended.response)


async def test_nobody_else_shares(chat: Chat) -> None:
    """A plain refusal."""
    rental = await chat.ready()

    answer = await chat.ben.slash(
        chat.channel, "share", rental=rental.id, member=chat.lead, hours=1
    )

    assert "belongs to somebody else" in text(answer.response)


async def test_another_port_is_an_address_of_its_own(chat: Chat) -> None:
    """One that is never opened is refused in words."""
    rental = await chat.ready()

    opened = await chat.ada.slash(chat.channel, "open", port=7860)
    refused = await chat.ada.slash(chat.channel, "open", port=22)

    assert f"http://{rental.id}-7860." in link(opened.response)
    assert "Open port 7860" in text(opened.response)
    assert "Only ports 1024 to 65535" in text(refused.response)


async def test_ssh_says_how_to_connect(chat: Chat) -> None:
    """Command line, VS Code, and the fingerprint of the pinned key."""
    rental = await chat.ready()
    host_key = line(comment="")
    await chat.change(rental.id, addresses=(Address("203.0.113.9", 40022),), host_key=host_key)

    answer = await chat.ada.slash(chat.channel, "ssh")

    shown = text(answer.response)
    assert answer.response.ephemeral
    assert "ssh -p 40022 root@203.0.113.9" in shown
    assert "vscode://vscode-remote/ssh-remote+root@203.0.113.9:40022/workspace" in shown
    assert asyncssh.import_public_key(host_key).get_fingerprint() in shown
    assert "does not take a key of yours yet" in shown
    other = await chat.ben.slash(chat.channel, "ssh", rental=rental.id)
    assert "belongs to somebody else" in text(other.response)


async def test_a_key_is_added_shown_and_removed(chat: Chat) -> None:
    """By its comment and fingerprint; nobody sees another one's."""
    asked = await chat.ada.slash(chat.channel, "sshkey add")

    added = await chat.ada.submit_modal(asked, {"keys": f"{line()}\n{line(comment='desk')}"})
    listed = await chat.ada.slash(chat.channel, "sshkey list")
    (own, _) = await chat.store.keys_of([chat.ada.id])
    removed = await chat.ada.slash(chat.channel, "sshkey remove", key=own.key.fingerprint)
    others = await chat.ben.slash(chat.channel, "sshkey list")

    assert "2 keys added" in text(added.response)
    assert own.key.fingerprint in text(listed.response)
    assert "desk" in text(listed.response)
    assert "The key is removed" in text(removed.response)
    assert "You have no SSH key here" in text(others.response)
    assert len(await chat.store.keys_of([chat.ada.id])) == 1


async def test_a_private_key_is_refused_and_kept_nowhere(
    chat: Chat, caplog: pytest.LogCaptureFixture
) -> None:
    """With the advice to replace it; our log says no piece of it."""
    secret: Any = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    caplog.set_level(logging.DEBUG, logger="bot")
    asked = await chat.ada.slash(chat.channel, "sshkey add")

    answer = await chat.ada.submit_modal(asked, {"keys": secret})

    shown = text(answer.response)
    assert "That is a private key. It was not stored." in shown
    assert "new pair" in shown
    assert await chat.store.keys_of([chat.ada.id]) == []
    ours = "\n".join(one.getMessage() for one in caplog.records if one.name.startswith("bot"))
    pieces = [piece for piece in secret.split() if len(piece) > 12]
    assert pieces
    assert not any(piece in ours + shown for piece in pieces)
