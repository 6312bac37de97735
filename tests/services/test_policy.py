"""Reading and changing the policy, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.access import Actor
from bot.domain.policy_keys import IDLE, LEADS, NOTICES
from bot.errors import BadInput, NotYours
from bot.ports.books import Store
from bot.services.policy import Policies
from tests.builders import GUILD, OWNER

ADA = Actor(id=OWNER, guild_id=GUILD, name="Ada")
LEAD = Actor(id=5, guild_id=GUILD, name="Lea", lead=True)


async def test_a_change_holds_in_another_process_at_its_next_look(store: Store) -> None:
    """Nothing has to be started again."""
    running, shell = Policies(store=store), Policies(store=store)
    assert await running.value(IDLE) == timedelta(hours=1)

    await shell.change(None, {"idle": "45m", f"member/{OWNER}/idle": "2h"})

    assert await running.value(IDLE) == timedelta(minutes=45)
    assert await running.value(IDLE, member_id=OWNER) == timedelta(hours=2)


async def test_one_wrong_value_changes_nothing(store: Store) -> None:
    """Each that is wrong is named."""
    policies = Policies(store=store)

    with pytest.raises(BadInput) as refused:
        await policies.change(LEAD, {"idle": "45m", "answer": "never", "lease": "1m"})

    assert [line.split()[0] for line in refused.value.public.splitlines()] == ["answer", "lease"]
    assert await store.policy() == {}
    assert await policies.changes() == []


async def test_a_value_that_is_not_theirs_stops_a_members_whole_change(store: Store) -> None:
    """Not even the part that is theirs is written."""
    policies = Policies(store=store)

    for wishes in (
        {"idle": "45m"},
        {f"member/{OWNER}/lease": "2d"},
        {"member/77/zone": "Berlin"},
    ):
        with pytest.raises(NotYours):
            await policies.change(ADA, {f"member/{OWNER}/zone": "Berlin", **wishes})

    assert await store.policy() == {}


async def test_who_changed_what_is_written_down(store: Store) -> None:
    """By member, or by the shell."""
    policies = Policies(store=store)
    await policies.change(None, {"idle": "45m"})
    await policies.change(LEAD, {"idle": ""})
    await policies.change(LEAD, {"idle": ""})

    changes = await policies.changes()

    assert [(one.by, one.key, one.before, one.after) for one in changes] == [
        (5, "idle", "45", None),
        (None, "idle", None, "45"),
    ]


async def test_the_leads_role_is_known_without_waiting(store: Store) -> None:
    """As of the last read; a change of one's own is one."""
    policies, other = Policies(store=store), Policies(store=store)
    assert policies.lead_role is None

    await policies.change(LEAD, {"leads": "<@&123456789012345678>"})
    await other.values()

    assert (policies.lead_role, other.lead_role) == (123456789012345678, 123456789012345678)
    assert await other.value(LEADS) == 123456789012345678
    assert await other.value(NOTICES, member_id=OWNER) == "dm"
