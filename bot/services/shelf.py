"""The shelf: whose archives there are, and who may do what with them."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from bot.domain.access import Action, Actor, demand
from bot.domain.archives import Archive, ArchiveId
from bot.errors import NoArchive
from bot.services.archive_retention import Retention
from bot.services.archives import Archives


class Deleting(Protocol):
    async def delete(self, archive_id: ArchiveId) -> None:
        """As `Archives.delete`."""
        ...


class Shelf:
    """Archives as people see them: their own, for a lead everybody's in the server."""

    def __init__(
        self,
        *,
        archives: Archives,
        retention: Retention | None = None,
        deleting: Deleting | None = None,
    ) -> None:
        """`deleting` does it where archives are saved by another process."""
        self._archives = archives
        self._deleting: Deleting = deleting or archives
        self._retention = retention

    async def of(self, actor: Actor, member_id: int | None = None) -> list[Archive]:
        """A member's archives that can be restored, newest first. Raises NotYours."""
        owner = member_id or actor.id
        demand(actor, Action.SEE, owner_id=owner, guild_id=actor.guild_id)
        return await self._archives.saved(guild_id=actor.guild_id, owner_id=owner)

    async def within_reach(self, actor: Actor) -> list[Archive]:
        """What this person may restore or delete: their own, for a lead everybody's."""
        owner = None if actor.lead else actor.id
        return await self._archives.saved(guild_id=actor.guild_id, owner_id=owner)

    async def get(self, actor: Actor, archive_id: str) -> Archive:
        """An archive this person may use. Raises NotFound, NotYours."""
        archive = await self.kept(actor.guild_id, archive_id)
        demand(actor, Action.SEE, owner_id=archive.owner_id, guild_id=archive.guild_id)
        return archive

    async def kept(self, guild_id: int, archive_id: str) -> Archive:
        """An archive of a server that can be restored, whosever it is. Raises NotFound."""
        for one in await self._archives.saved(guild_id=guild_id):
            if one.id == archive_id:
                return one
        raise NoArchive(f"no archive {archive_id[:20]!r}")

    async def home(self, archive_id: str) -> int:
        """The server an archive belongs to, for a press that comes from elsewhere. NotFound."""
        for one in await self._archives.saved():
            if one.id == archive_id:
                return one.guild_id
        raise NoArchive(f"no archive {archive_id[:20]!r}")

    async def keep_longer(self, actor: Actor, archive_id: str) -> datetime:
        """Keep it, and what else of its owner ends that day; until when. NotFound, NotYours."""
        archive = await self.get(actor, archive_id)
        assert self._retention is not None, "a shelf without retention keeps nothing longer"
        return await self._retention.keep_longer(archive)

    async def delete(self, actor: Actor, archive_id: str) -> Archive:
        """Delete an archive for good. Raises NotFound, NotYours, Busy and what the place raises."""
        archive = await self.get(actor, archive_id)
        demand(actor, Action.DESTROY, owner_id=archive.owner_id, guild_id=archive.guild_id)
        await self._deleting.delete(ArchiveId(archive.id))
        return archive
