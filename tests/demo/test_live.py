"""The pretend Discord leaves time, the loop and the network of the process alone."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aiohttp
import asyncssh
import discord
import pytest
from aiohttp import web
from discord import app_commands

from bot.demo.stand_in import Demo
from tests.demo.porter import Porter

REAL_MONOTONIC = time.monotonic


@dataclass(frozen=True)
class Ports:
    ssh: int
    http: int


class _Open(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return False


@pytest.fixture
async def ports(demo: Demo) -> AsyncIterator[Ports]:
    """An SSH and a web server in this process, started while the page is live."""

    def greet(process: asyncssh.SSHServerProcess[str]) -> None:
        process.stdout.write("hello from ssh\n")
        process.exit(0)

    async def hello(_: web.Request) -> web.Response:
        await asyncio.sleep(0.05)
        return web.Response(text="hello from http")

    app = web.Application()
    app.router.add_get("/", hello)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ssh = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=_Open,
        server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
        process_factory=greet,
    )
    async with ssh:
        yield Ports(ssh=ssh.get_port(), http=runner.addresses[0][1])
    await runner.cleanup()


async def test_work_started_by_a_command_sees_the_true_time(porter: Porter, demo: Demo) -> None:
    """Callbacks of cogs run on the real clock: sleeps take their time and no other."""
    seen: dict[str, float] = {}

    async def look(interaction: discord.Interaction) -> None:
        loop = asyncio.get_running_loop()
        seen["loop"] = loop.time() - REAL_MONOTONIC()
        seen["utcnow"] = (discord.utils.utcnow() - datetime.now(UTC)).total_seconds()
        begun = REAL_MONOTONIC()
        await asyncio.sleep(0.2)
        seen["slept"] = REAL_MONOTONIC() - begun
        await interaction.response.send_message("seen")

    await _run(porter, demo, look)

    assert time.monotonic is REAL_MONOTONIC
    assert abs(seen["loop"]) < 0.05
    assert abs(seen["utcnow"]) < 0.05
    assert 0.19 < seen["slept"] < 0.6


async def test_a_deadline_in_a_command_passes_by_itself(porter: Porter, demo: Demo) -> None:
    """asyncio.timeout works inside callbacks, with nobody pushing a clock."""
    ended: list[float] = []

    async def wait(interaction: discord.Interaction) -> None:
        await interaction.response.defer()
        begun = REAL_MONOTONIC()
        try:
            async with asyncio.timeout(0.2):
                await asyncio.Event().wait()
        except TimeoutError:
            ended.append(REAL_MONOTONIC() - begun)
        await interaction.followup.send("late")

    await _run(porter, demo, wait)
    await _until(lambda: bool(ended))

    assert 0.19 < ended[0] < 0.6


async def test_a_view_times_out_in_real_time(porter: Porter, demo: Demo) -> None:
    """Views that forget themselves do so in the demo too."""
    expired = asyncio.Event()

    class Brief(discord.ui.View):
        @discord.ui.button(label="Press")
        async def press(self, *_: object) -> None: ...

        async def on_timeout(self) -> None:
            expired.set()

    async def show(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("brief", view=Brief(timeout=0.2))

    await _run(porter, demo, show)

    async with asyncio.timeout(30):
        await expired.wait()


@pytest.mark.parametrize("context", ["inherited", "empty"])
async def test_network_of_the_process_is_undisturbed(
    demo: Demo, ports: Ports, context: str
) -> None:
    """A web server, an HTTP client and an SSH connection run beside the page, and a message is
    edited from there, whether or not their task inherited anything from the bot."""
    porter = demo.env.bot
    channel = await porter.fetch_channel(demo.world.gpu.id)
    assert isinstance(channel, discord.TextChannel)
    message = await channel.send("waiting")

    async def work() -> None:
        said = await _ssh_and_http(ports)
        await message.edit(content=said)

    task = (
        asyncio.create_task(work(), context=contextvars.Context())
        if context == "empty"
        else asyncio.create_task(work())
    )
    async with asyncio.timeout(30):
        await task

    assert (await channel.fetch_message(message.id)).content == "hello from ssh, hello from http"


async def test_ssh_and_http_work_inside_a_command(porter: Porter, demo: Demo, ports: Ports) -> None:
    """A cog may await a service that goes out to the network."""
    said: list[str] = []

    async def go(interaction: discord.Interaction) -> None:
        await interaction.response.defer()
        said.append(await _ssh_and_http(ports))
        await interaction.followup.send(said[0])

    await _run(porter, demo, go)
    await _until(lambda: bool(said))

    assert said == ["hello from ssh, hello from http"]


async def test_an_action_ends_when_it_is_acknowledged(porter: Porter, demo: Demo) -> None:
    """What a command does after its first answer does not hold up the person."""

    async def slow(interaction: discord.Interaction) -> None:
        await interaction.response.defer()
        await asyncio.sleep(1.5)
        await interaction.followup.send("done")

    begun = REAL_MONOTONIC()
    await _run(porter, demo, slow)

    assert REAL_MONOTONIC() - begun < 1.0


async def test_an_action_without_an_answer_ends_after_three_seconds(demo: Demo) -> None:
    """As on Discord, where the application did not respond."""
    begun = REAL_MONOTONIC()

    result = await demo.world.people["grace"].member.slash(demo.world.gpu, "silent")

    assert not result.acknowledged
    assert 2.9 < REAL_MONOTONIC() - begun < 4.5


async def test_buttons_work_after_the_bot_was_replaced(porter: Porter, demo: Demo) -> None:
    """A bot that starts anew knows the buttons of its predecessor's messages, in real time."""
    ada = demo.world.people["ada"].member
    await ada.slash(demo.world.gpu, "rent", gpu="A100")
    await porter.edited.wait()
    await porter.close()
    second = Porter()

    await demo.env.restart_bot(second)
    (card,) = [
        m for m in demo.world.gpu.history() if "running" in str([c.to_dict() for c in m.components])
    ]
    result = await ada.click(card, custom_id="keep:A100")

    assert result.response is not None
    assert result.response.content == "Kept A100 for Ada"
    assert time.monotonic is REAL_MONOTONIC
    await second.close()


async def test_messages_carry_the_time_of_the_given_clock() -> None:
    """The pretend Discord can be told another time."""
    bot = Porter()
    then = datetime(2026, 5, 1, 12, tzinfo=UTC)
    demo = Demo(bot=bot, now=lambda: then)
    await demo.start()

    message = demo.world.gpu.last_message

    assert message is not None
    assert abs(message.created_at - then) < timedelta(seconds=1)
    await demo.close()
    await bot.close()


async def test_a_bot_that_cannot_start_leaves_the_loop_as_it_was() -> None:
    """Its own error comes out, and another demo can start."""

    class Broken(Porter):
        async def setup_hook(self) -> None:
            raise LookupError("no such setting")

    broken, sound = Broken(), Porter()

    with pytest.raises(LookupError):
        await Demo(bot=broken).start()
    again = Demo(bot=sound)
    await again.start()

    assert time.monotonic is REAL_MONOTONIC
    await again.close()
    await broken.close()
    await sound.close()


async def test_nothing_is_left_behind_when_it_ends(demo: Demo, porter: Porter) -> None:
    """After closing, no task of ours or SimCord's lives on; closing twice is no error."""
    await demo.close()
    await demo.close()
    await porter.close()
    await asyncio.sleep(0)

    others = asyncio.all_tasks() - {asyncio.current_task()}

    assert [task.get_name() for task in others if "demo" in task.get_name()] == []


async def _run(
    porter: Porter, demo: Demo, callback: Callable[[discord.Interaction], Awaitable[None]]
) -> None:
    async def look(interaction: discord.Interaction) -> None:
        await callback(interaction)

    porter.tree.add_command(app_commands.Command(name="look", description="x", callback=look))
    await porter.tree.sync()
    await demo.world.people["ada"].member.slash(demo.world.gpu, "look")


async def _until(true: Callable[[], bool], limit_s: float = 5) -> None:
    async with asyncio.timeout(limit_s):
        while not true():  # noqa: ASYNC110 (there is no event to wait for)
            await asyncio.sleep(0.02)


async def _ssh_and_http(ports: Ports) -> str:
    async with asyncssh.connect(
        "127.0.0.1", ports.ssh, known_hosts=None, username="ada", password="-", config=None
    ) as connection:
        ran = await connection.run("greet", timeout=5)
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as client,
        client.get(f"http://127.0.0.1:{ports.http}/") as answer,
    ):
        return f"{str(ran.stdout).strip()}, {await answer.text()}"
