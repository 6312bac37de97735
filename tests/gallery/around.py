"""What stands around a machine: shares, SSH, archives, which of several, waiting for one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from bot.domain.rentals import Address
from bot.domain.shares import Share
from bot.services.ssh import Access
from cogs.ui import look, several, sharing, shelf, ssh
from tests.gallery.facts import HOUR, LEAD, MINUTE, the_machine
from tests.gallery.letters import an_archive


def cards(now: datetime) -> Mapping[str, look.Card]:
    """One of each, and lists with more than one thing in them."""
    machine = the_machine(now)
    share = _share(now)
    others = [replace(share, id=f"share{at}", member_name=f"Teammate {at}") for at in range(7)]
    archive = an_archive(now)
    older = an_archive(now, id="arch-q4v8nd-2", name="experiments", proven_at=now - 70 * HOUR)
    access = Access(
        rental=machine,
        address=Address("203.0.113.7", 40_022),
        fingerprint="SHA256:" + "x" * 43,
        keys=(),
    )
    return {
        "shared": sharing.shared(machine, share),
        "share-letter": sharing.letter(share, machine, share.member_id),
        "share-which": sharing.which(machine, [share]),
        "share-which-many": sharing.which(machine, others),
        "share-ended": sharing.ended(machine, share),
        "ssh": ssh.access(access),
        "ssh-keys-none": ssh.keys([]),
        "archives": shelf.page([archive, older]),
        "archives-none": shelf.page([]),
        "archive-delete": shelf.sure(archive),
        "which": several.which([machine, replace(machine, id="q4v8nd", name="b")], "destroy"),
    }


def _share(now: datetime) -> Share:
    machine = the_machine(now)
    return Share(
        id="share",
        rental_id=machine.id,
        guild_id=machine.guild_id,
        member_id=LEAD,
        member_name="Linus",
        by_id=machine.owner_id,
        view_only=False,
        made_at=now - MINUTE,
        until=now + 8 * HOUR,
    )
