"""Ready or not: a fault makes us not ready, a note is only told."""

from __future__ import annotations

import json

from bot.relay.condition import Condition


async def test_a_note_is_told_and_makes_nobody_less_ready() -> None:
    """A load balancer must not take notebooks away because no machine can be searched."""
    notes: dict[str, str] = {}

    async def health() -> dict[str, str]:
        return {"vast": ""}

    condition = Condition(health=health, metrics=None, notes=lambda: notes)

    async def said() -> tuple[int, object]:
        answer = await condition.answer("/-/readyz")
        assert answer is not None
        assert isinstance(answer.body, bytes)
        return answer.status, json.loads(answer.body)

    assert await said() == (200, {"ok": True, "checks": {"vast": "ok"}})

    notes["searches"] = "Used up."

    told = {"ok": True, "checks": {"vast": "ok"}, "notes": {"searches": "Used up."}}
    assert await said() == (200, told)
