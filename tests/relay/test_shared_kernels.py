"""Several tabs at one kernel, and a kernel that is started anew, while output is recorded.

In a real JupyterLab; the tabs are WebSocket clients through the relay.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain.shortages import Kind
from tests.relay.books import RENTAL
from tests.relay.conftest import House, until
from tests.relay.talking import call, go, in_file, lines, opened, steps, tab

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


@pytest.fixture
def work(lab: House, tmp_path: Path) -> Path:
    return tmp_path / "work"


async def test_two_tabs_that_both_go_leave_both_their_runs(lab: House, work: Path) -> None:
    """Each one's output is in its own cell, once, though both connections hear everything."""
    kernel = await opened(lab, work, {"one": steps(3), "two": steps(3, name="b")})
    async with tab(lab, kernel, "s1") as first, tab(lab, kernel, "s2") as second:
        await first.run(steps(3), cell="one")
        go(work, 0)
        await first.hears("line 0\n")
        await second.run(steps(3, name="b"), cell="two")
        await until(lambda: len(lab.outputs.held(RENTAL)) == 2)
    await until(lambda: lab.outputs.kept(RENTAL, kernel) == 2)
    go(work, 1, 2)
    go(work, 0, 1, 2, name="b")
    await _ends(lab)

    assert await lab.outputs.flush(RENTAL) == ""
    assert in_file(work, "one") == lines(0, 1, 2)
    assert in_file(work, "two") == lines(0, 1, 2, name="b")


async def test_a_tab_that_stays_does_not_hide_the_run_of_one_that_goes(
    lab: House, work: Path
) -> None:
    """The other tab's run is its own business and is not written into the file meanwhile."""
    kernel = await opened(lab, work, {"one": steps(2), "two": steps(2, name="b")})
    async with tab(lab, kernel, "s2") as stays:
        async with tab(lab, kernel, "s1") as goes:
            await goes.run(steps(2), cell="one")
            go(work, 0)
            await goes.hears("line 0\n")
            await stays.run(steps(2, name="b"), cell="two")
        go(work, 1)
        go(work, 0, name="b")
        await stays.hears("lineb 0\n")
        assert await lab.outputs.flush(RENTAL) == ""
        assert in_file(work, "one") == lines(0, 1)
        assert in_file(work, "two") == ""
        go(work, 1, name="b")
        await stays.hears("lineb 1\n")
        await _ends(lab)


@pytest.mark.parametrize("by", ["restart", "shutdown"])
async def test_a_kernel_that_is_ended_by_another_tab_ends_the_recording(
    lab: House, work: Path, by: str
) -> None:
    """What was printed until then is in the file, nothing waits, and a new run is its own."""
    kernel = await opened(lab, work, {"one": steps(3), "two": "print('anew')"})
    async with tab(lab, kernel, "s1") as first:
        await first.run(steps(3), cell="one")
        go(work, 0)
        await first.hears("line 0\n")
    await until(lambda: lab.outputs.kept(RENTAL, kernel) == 1)
    await lab.outputs.find(RENTAL)  # as the recorder does when a run begins
    go(work, 1)
    await until((work / "done1").exists)
    await until(lambda: "line 1" in str([run.outputs for run in lab.outputs.held(RENTAL)]))

    if by == "restart":
        await call(lab, "POST", f"/api/kernels/{kernel}/restart")
    else:
        await call(lab, "DELETE", f"/api/kernels/{kernel}")
        await lab.relay.rejoin()
    await _ends(lab)
    await until(lambda: lab.outputs.kept(RENTAL, kernel) == 0)
    if by == "restart":
        async with tab(lab, kernel, "s2") as second:
            await second.run("print('anew')", cell="two")
            await second.hears("anew\n")
            await _ends(lab)

    assert await lab.outputs.flush(RENTAL) == ""
    assert in_file(work, "one") == lines(0, 1)
    assert in_file(work, "two") == ("anew\n" if by == "restart" else "")
    assert lab.short == []  # that was a person's wish


async def test_a_cell_without_gpu_memory_and_a_kernel_that_dies_are_heard(
    lab: House, work: Path
) -> None:
    """Jupyter starts the kernel anew by itself; the card has to say why nothing is in it."""
    full = "raise RuntimeError('CUDA out of memory. Tried to allocate 2.00 GiB')"
    death = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    kernel = await opened(lab, work, {"one": full, "two": death})

    async with tab(lab, kernel, "s1") as page:
        await page.run(full, cell="one")
        await until(lambda: lab.short == [Kind.GPU_MEMORY], within_s=60)
        await page.run(death, cell="two")
        await until(lambda: lab.short == [Kind.GPU_MEMORY, Kind.DIED], within_s=60)


async def _ends(lab: House) -> None:
    await until(lambda: all(run.done for run in lab.outputs.held(RENTAL)), within_s=30)
