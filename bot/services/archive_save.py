"""One attempt to save a workspace: look, ask whether it is allowed, run, commit, tell the books."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from itertools import islice

from bot.domain.archive_costs import Caps, Estimate, estimate
from bot.domain.archives import (
    Archive,
    ArchiveId,
    ArchiveState,
    Failure,
    LeftOut,
    Manifest,
    Phase,
    Progress,
    Proof,
    Report,
    Trouble,
)
from bot.domain.compaction import without, worn
from bot.domain.packed import Packed
from bot.domain.proof import to_send
from bot.domain.rentals import Rental, new_id
from bot.domain.trees import Entry, Kind, leaves, shown, weigh
from bot.errors import Damaged, Foreign
from bot.ports.archives import ArchiveBooks, Toolbox, Vault, Workspaces
from bot.ports.clock import Clock
from bot.ports.machines import Shell
from bot.services.archive_run import Known, Run, Sight, Tell, carried, sight

log = logging.getLogger(__name__)

_NAMES = 20
_SPOKEN = 3


class Saving:
    """A save of one rental. `running` is a run that was broken off, `parent` what to build on."""

    def __init__(
        self,
        *,
        rental: Rental,
        shell: Shell,
        root: str,
        running: Archive | None,
        parent: Archive | None,
        books: ArchiveBooks,
        vault: Vault,
        workspaces: Workspaces,
        clock: Clock,
        tell: Tell,
        part_bytes: int,
        part_entries: int,
    ) -> None:
        self._rental = rental
        self._shell = shell
        self._root = root
        self._running = running
        self._parent = parent
        self._books = books
        self._vault = vault
        self._workspaces = workspaces
        self._clock = clock
        self._tell = tell
        self._part_bytes = part_bytes
        self._part_entries = part_entries

    async def estimate(self) -> Estimate:
        """What it would take, from a look at the machine and at what is known of it."""
        box = await self._workspaces.look(self._shell, self._root)
        _, now = await self._look(box)
        return self._guess(now, await self._known(now))

    async def save(self, caps: Caps, *, partial: bool = False) -> Proof | Failure:
        """Nothing is written, not even a row, when the caps forbid it.

        With `partial`, what keeps changing is left out and said to be lost, instead of there being
        no archive at all: for one that nothing is destroyed upon.
        """
        self._tell(Progress(phase=Phase.LOOKING))
        box = await self._workspaces.look(self._shell, self._root)
        rules, now = await self._look(box)
        known = await self._known(now)
        guess = self._guess(now, known)
        if not caps.allow(guess):
            words = "This is more than may be archived without asking."
            return Failure(trouble=Trouble.TOO_LARGE, words=words, estimate=guess)
        row = await self._begin(box)
        await self._vault.open(row.id)
        run = self._run(row, box, rules, known)
        lacking = to_send(now.wanted, known.stored)
        del now, known  # the run goes on with what it has; a large workspace is held once
        last, left = await run.rounds(lacking)
        row = replace(row, sent=row.sent + run.sent, touched_at=self._clock.now())
        if left and not (partial and len(left) < len(last.wanted)):
            return await self._in_use(row, left)
        last.unarchivable += (
            LeftOut(path=path, reason="it kept changing meanwhile", lost=True) for path in left
        )
        last.leave_out(left)
        self._tell(Progress(phase=Phase.WRITING))
        return await self._commit(row, box, rules, run, last)

    async def _look(self, box: Toolbox) -> tuple[str, Sight]:
        rules = await self._workspaces.rules(self._shell, box.root)
        scan = await self._workspaces.scan(self._shell, box.root)
        chosen = await self._workspaces.choose(scan, rules)
        return rules, await asyncio.to_thread(sight, chosen, scan.complaints)

    async def _known(self, now: Sight) -> Known:
        """What the place has of this workspace, from the parent and from this run's own past.

        Only what is still as it was, and still there: a part that was lost is sent again.
        """
        known = Known()
        if self._parent is not None:
            try:
                manifest = await self._vault.manifest(self._parent.id)
                known.stored, known.parts = manifest.stored, dict(manifest.parts)
            except (Damaged, Foreign) as error:
                log.error("archive %s cannot be built on: %s", self._parent.id, error)
        if self._running is not None:
            parts, stored = await self._vault.noted(self._running.id)
            known.parts |= {part.id: part for part in parts}
            known.stored = known.stored.and_those(stored.each())
            known.next_number = max((part.id.number + 1 for part in parts), default=0)
        gone = await self._vault.missing(list(known.parts.values()))
        if gone:
            log.error("%s parts are lost; what they held is sent again", len(gone))
        foreign = self._parent is not None and self._parent.rental_id != self._rental.id
        restored_at = self._rental.restored_at if foreign else None
        await asyncio.to_thread(carried, known, now, gone, restored_at=restored_at)
        again = worn(known.stored, known.parts)
        if again:
            log.info("what is left of %s outdated parts is sent again", len(again))
            known.stored = without(known.stored, again)
        return known

    def _guess(self, now: Sight, known: Known) -> Estimate:
        return estimate(
            now.wanted.each(),
            to_send(now.wanted, known.stored).each(),
            offer=self._rental.offer,
            per_hour=self._rental.per_hour,
        )

    async def _begin(self, box: Toolbox) -> Archive:
        """The run's row, before anything is written."""
        now = self._clock.now()
        parent = self._parent.id if self._parent is not None else None
        if self._running is not None:
            row = replace(self._running, touched_at=now, parent=parent, root=box.root)
            await self._books.keep_archive(row)
            return row
        return await self._books.begin_archive(
            Archive(
                id=ArchiveId(new_id(10)),
                rental_id=self._rental.id,
                guild_id=self._rental.guild_id,
                owner_id=self._rental.owner_id,
                name=self._rental.title,
                state=ArchiveState.RUNNING,
                root=box.root,
                started_at=now,
                touched_at=now,
                parent=parent,
            )
        )

    def _run(self, row: Archive, box: Toolbox, rules: str, known: Known) -> Run:
        return Run(
            archive_id=row.id,
            shell=self._shell,
            toolbox=box,
            rules=rules,
            known=known,
            workspaces=self._workspaces,
            vault=self._vault,
            clock=self._clock,
            tell=self._tell,
            part_bytes=self._part_bytes,
            part_entries=self._part_entries,
        )

    async def _in_use(self, row: Archive, left: Packed[Entry]) -> Failure:
        """The run stays open: the next attempt sends only what changed since."""
        names = [shown(path) for path in islice(left, _NAMES)]
        more = len(left) - _SPOKEN
        spoken = ", ".join(names[:_SPOKEN]) + (f" and {more} more" if more > 0 else "")
        await self._books.keep_archive(replace(row, error=f"kept changing: {spoken}"))
        return Failure(
            trouble=Trouble.IN_USE,
            words=f"Not verified, in use: {spoken} kept changing. Nothing was destroyed.",
            names=tuple(names),
            archive_id=row.id,
        )

    async def _commit(self, row: Archive, box: Toolbox, rules: str, run: Run, last: Sight) -> Proof:
        """Manifest, COMMIT, and only then the row."""
        report = await self._report(box, last)
        stored = run.stored.only(lambda each: each.entry.path in last.wanted)
        row = replace(
            row,
            proven_at=last.at,
            entries=len(stored),
            bytes=weigh(each.entry for each in stored.each()),
            loses_work=report.loses_work,
            error="",
        )
        manifest = Manifest(
            archive=row,
            tools=box.versions,
            rules=rules,
            stored=stored,
            parts={part: run.parts[part] for part in {each.part for each in stored.each()}},
            report=report,
        )
        digest = await self._vault.commit(manifest)
        done = replace(row, state=ArchiveState.COMMITTED, manifest=digest)
        await self._books.keep_archive(done)
        log.info("archived %s as %s: %s B sent", row.rental_id, row.id, run.sent)
        return Proof(archive=done, report=report)

    async def _report(self, box: Toolbox, last: Sight) -> Report:
        root = box.root.encode()
        return Report(
            excluded=tuple(last.excluded),
            unarchivable=tuple(last.unarchivable),
            links_out=tuple(
                entry.path
                for entry in last.wanted.each()
                if entry.kind is Kind.LINK and leaves(entry, root)
            ),
            outside=tuple(await self._workspaces.outside(self._shell, box.root)),
        )
