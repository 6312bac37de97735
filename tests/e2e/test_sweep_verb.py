"""`bellhop sweep` as a whole program against the sandbox: what it lists, what it destroys."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.programs import control, sandbox

pytestmark = pytest.mark.e2e


async def bellhop(*words: str, env: dict[str, str]) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a run."""
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **env},
    )
    out, err = await asyncio.wait_for(running.communicate(), 120)
    assert running.returncode is not None
    return running.returncode, out.decode(), err.decode()


async def rent(url: str, label: str) -> int:
    """A machine that no Bellhop rented."""
    headers = {"Authorization": "Bearer sandbox"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(f"{url}/api/v0/bundles/", json={"limit": 1}) as answer:
            offer = (await answer.json(content_type=None))["offers"][0]["ask_contract_id"]
        body = {"image": "pytorch/pytorch", "disk": 10, "label": label, "runtype": "ssh"}
        async with session.put(f"{url}/api/v0/asks/{offer}/", json=body) as answer:
            return int((await answer.json(content_type=None))["new_contract"])


async def alive(url: str) -> set[int]:
    books: Any = await control(url, "/sandbox/books")
    return {one["id"] for one in books["instances"] if one["destroyed_at"] is None}


async def test_only_ours_are_destroyed_and_only_with_the_flag(tmp_path: Path) -> None:
    """The list names what each costs; a machine of others survives the flag."""
    async with sandbox(tmp_path / "sandbox", "--no-machines") as url:
        env = {
            "VAST_URL": url,
            "VAST_API_KEY": "sandbox",
            "BELLHOP_DATA": str(tmp_path / "data"),
        }
        assert (await bellhop("migrate", env=env))[0] == 0
        assert await bellhop("sweep", env=env) == (
            0,
            "Every machine on the Vast account belongs to an open rental.\n",
            "",
        )
        stray, others = await rent(url, "bellhop/zzk7m2"), await rent(url, "grace")
        await asyncio.sleep(0.6)  # the sandbox's list lag

        code, listed, _ = await bellhop("sweep", env=env)

        assert code == 0
        rows = {line.split()[0]: line for line in listed.splitlines() if line[:1].isdigit()}
        assert "bellhop/zzk7m2" in rows[str(stray)]
        assert "ours" in rows[str(stray)]
        assert "not ours" in rows[str(others)]
        assert "/h" in rows[str(others)]
        assert await alive(url) == {stray, others}

        code, said, err = await bellhop("sweep", "--destroy", env=env)

        assert (code, err) == (0, "")
        assert f"{stray}  destroyed and seen gone" in said
        assert await alive(url) == {others}


async def test_what_is_not_confirmed_is_no_success(tmp_path: Path) -> None:
    """A key that is refused is said in one line, and nothing is destroyed."""
    async with sandbox(tmp_path / "sandbox", "--no-machines") as url:
        data = {"BELLHOP_DATA": str(tmp_path / "data"), "VAST_URL": url}
        assert (await bellhop("migrate", env=data))[0] == 0
        stray = await rent(url, "bellhop/zzk7m2")

        code, said, err = await bellhop("sweep", "--destroy", env={**data, "VAST_API_KEY": "wrong"})

        assert (code, said) == (1, "")
        assert "refuses our key" in err
        assert err.count("\n") == 1
        assert await alive(url) == {stray}


async def test_without_a_database_everything_would_be_a_stray(tmp_path: Path) -> None:
    """A wrong BELLHOP_DATA must not end every machine there is."""
    async with sandbox(tmp_path / "sandbox", "--no-machines") as url:
        stray = await rent(url, "bellhop/zzk7m2")
        env = {"VAST_URL": url, "VAST_API_KEY": "sandbox", "BELLHOP_DATA": str(tmp_path / "new")}

        code, _, err = await bellhop("sweep", "--destroy", env=env)

        assert code == 1
        assert "bellhop migrate" in err
        assert await alive(url) == {stray}
