"""The policy as kept: values by key, and every change of them, on both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from bot.ports.books import PolicyChange, Store
from tests.builders import NOW, OWNER, SetClock


async def test_a_policy_value_is_set_changed_and_taken_away(store: Store) -> None:
    """One text for each key."""
    await store.change_policy({"idle": "60", "zone": '"UTC"'}, by=None)
    await store.change_policy({"idle": "90", "zone": None}, by=OWNER)

    assert await store.policy() == {"idle": "90"}


async def test_each_change_is_written_down_for_good(store: Store, clock: SetClock) -> None:
    """Who, when, from what to what, newest first; what stays as it was is no change."""
    first = await store.change_policy({"idle": "60"}, by=None)
    clock.turn(timedelta(minutes=1))
    again = await store.change_policy({"idle": "60", "quiet": None}, by=OWNER)
    second = await store.change_policy({"idle": "90"}, by=OWNER)
    third = await store.change_policy({"idle": None}, by=OWNER)

    later = NOW + timedelta(minutes=1)
    assert first == [PolicyChange(at=NOW, key="idle", before=None, after="60", by=None)]
    assert again == []
    assert second == [PolicyChange(at=later, key="idle", before="60", after="90", by=OWNER)]
    assert await store.policy_changes() == [*third, *second, *first]
    assert await store.policy_changes(limit=1) == third


async def test_changes_at_the_same_moment_follow_one_another(store: Store) -> None:
    """What one writes down as before is what another wrote down as after."""
    await asyncio.gather(
        *(store.change_policy({"idle": str(30 + one)}, by=one) for one in range(8))
    )

    *later, first = await store.policy_changes()
    assert first.before is None
    for newer, older in zip(later, [*later[1:], first], strict=True):
        assert newer.before == older.after
    newest = (await store.policy_changes(limit=1))[0]
    assert await store.policy() == {"idle": newest.after}
