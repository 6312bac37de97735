"""A person's hands in the pretend Discord: commands, buttons, and eyes that read what came.

An answer is read from the pretend Discord's own messages, as the person would see it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from simcord.results import ResponseMessage

from bot.demo.live import LiveEnv
from bot.demo.world import Person, World

ANSWER_S = 20.0
_LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Seen:
    """A message as it stands: where, its texts, buttons and menus."""

    channel_id: int
    id: int
    components: tuple[Mapping[str, Any], ...]

    @property
    def text(self) -> str:
        return "\n".join(
            str(part["content"]) for part in walk(self.components) if part.get("content")
        )

    @property
    def buttons(self) -> list[str]:
        return [str(part.get("label")) for part in walk(self.components) if part.get("type") == 2]

    @property
    def choices(self) -> list[str]:
        """The values of the first menu."""
        for part in walk(self.components):
            if part.get("type") == 3:
                return [str(option["value"]) for option in part["options"]]
        return []

    @property
    def link(self) -> str | None:
        return next((str(part["url"]) for part in walk(self.components) if part.get("url")), None)


class Hands:
    """One person in one channel, or in their direct messages with the bot."""

    def __init__(self, env: LiveEnv, world: World, person: Person, *, inbox: bool = False) -> None:
        self._env = env
        self._channel = person.inbox if inbox else world.gpu
        self._person = person
        self._presser = person.user if inbox else person.member  # in a message one is no member

    async def command(self, name: str, /, **options: Any) -> Seen:
        """Run a slash command and read its answer, once it is more than a promise."""
        async with self._env.lock:
            result = await self._person.member.slash(self._channel, name, **options)
        return await self._answer(result)

    async def press(self, message: Seen, label: str) -> Seen:
        """Press a button; the answer, or the message itself as the press has changed it."""
        async with self._env.lock:
            result = await self._presser.click(self._message(message), label=label)
        return await self._answer(result, instead=message)

    async def choose(self, message: Seen, value: str) -> Seen:
        """Choose from the message's menu."""
        async with self._env.lock:
            result = await self._person.member.select(self._message(message), [value])
        return await self._answer(result, instead=message)

    async def see(self, want: Callable[[Seen], bool], what: str, within_s: float) -> Seen:
        """Wait until the channel shows a message like that; the newest one counts."""
        last: list[Seen] = []
        try:
            async with asyncio.timeout(within_s):
                while True:
                    last = self.messages()
                    for message in reversed(last):
                        if want(message):
                            return message
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            shown = last[-1].text if last else "nothing"
            raise AssertionError(
                f"{what} did not show within {within_s:.0f} s; seen: {shown}"
            ) from None

    def messages(self) -> list[Seen]:
        """What everybody in the channel sees, oldest first."""
        stored = self._env.backend.messages[self._channel.id].values()
        return [_seen(one) for one in stored if not one.is_ephemeral]

    def _message(self, message: Seen) -> ResponseMessage:
        stored = self._env.backend.get_message(message.channel_id, message.id)
        return ResponseMessage(self._env, stored)

    async def _answer(self, result: Any, instead: Seen | None = None) -> Seen:
        async with asyncio.timeout(ANSWER_S):
            while True:
                answer = result.response
                # A press that is acknowledged with the pressed message is not answered by it.
                same = instead is not None and answer is not None and answer.id == instead.id
                if answer is not None and answer.components and not same:
                    return Seen(answer.channel_id, answer.id, tuple(answer.components))
                if result.followups:
                    follow = result.followups[-1]
                    return Seen(follow.channel_id, follow.id, tuple(follow.components))
                # An answer that is still to come: meanwhile the card may change by itself.
                awaited = not result.acknowledged or bool(result.deferred and result.ephemeral)
                if instead is not None and not awaited and (changed := self._changed(instead)):
                    return changed
                await asyncio.sleep(_LOOK_S)

    def _changed(self, message: Seen) -> Seen | None:
        now = _seen(self._env.backend.get_message(message.channel_id, message.id))
        return now if now.components != message.components else None


def walk(parts: Any) -> Iterator[Mapping[str, Any]]:
    """Every component of a message, outer ones first."""
    for part in parts:
        yield part
        yield from walk(part.get("components", ()))
        if isinstance(part.get("accessory"), Mapping):
            yield part["accessory"]


def _seen(stored: Any) -> Seen:
    return Seen(stored.channel_id, stored.id, tuple(stored.components))
