"""Images a machine can start with: the presets and any image by name, or those a team allows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.errors import BadInput

NEWEST_OF_2022 = 890
"""PyTorch of early 2022 has kernels up to sm_86, which 8.9 runs; Hopper and Blackwell do not."""

_REFERENCE = re.compile(r"[a-z0-9][a-z0-9._/:@-]{0,254}", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What runs on a machine.

    `course` names the Git repository that is put into the workspace at the first start when it is
    not there yet, `packages` what its notebooks import.
    """

    name: str
    reference: str
    note: str = ""
    max_compute_cap: int | None = None
    course: str | None = None
    packages: tuple[str, ...] = ()


FASTBOOK = "https://github.com/fastai/fastbook"

PRESETS: tuple[Image, ...] = (
    Image(
        name="pytorch",
        reference="vastai/pytorch:@vastai-automatic-tag",
        note="Current PyTorch with fastai and the fastbook notebooks",
        course=FASTBOOK,
        packages=("fastai", "fastbook"),
    ),
    Image(
        name="fastai",
        reference="fastdotai/fastai-course:latest",
        note="The course image as it was in 2022; not for Hopper or Blackwell GPUs",
        max_compute_cap=NEWEST_OF_2022,
        course=FASTBOOK,
    ),
    Image(
        name="plain",
        reference="vastai/base-image:@vastai-automatic-tag",
        note="CUDA and Python, nothing else",
    ),
)
DEFAULT = PRESETS[0]


_BYTES = {"pytorch": 8_000_000_000, "fastai": 5_000_000_000, "plain": 4_000_000_000}
"""What a host loads of the presets, packed, taken rather too large than too small. They grow from
release to release, and no answer of Vast's tells their size."""


def size_of(image: Image) -> int | None:
    """About how many bytes a host without it has to load; None where that is not known."""
    return _BYTES.get(image.name)


def choose(name: str | None) -> Image:
    """The preset of that name, or any image by its reference. Raises BadInput for neither."""
    if not name or not name.strip():
        return DEFAULT
    wanted = name.strip()
    for preset in PRESETS:
        if wanted.lower() in (preset.name, preset.reference):
            return preset
    if not _REFERENCE.fullmatch(wanted):
        presets = ", ".join(preset.name for preset in PRESETS)
        raise BadInput(
            f"no image: {wanted!r}",
            public="That is not the name of an image.",
            hint=f"Choose {presets}, or write it as on Docker Hub, like pytorch/pytorch:latest.",
        )
    return Image(name=wanted, reference=wanted)


def demand_allowed(image: Image, allowed: Sequence[str] | None) -> None:
    """Raise BadInput unless the team allows this image; None allows every one."""
    if allowed is not None and image.name not in allowed:
        raise BadInput(
            f"image {image.name!r} is not allowed",
            public="The team does not allow this image.",
            hint=f"Choose {', '.join(allowed)}, or ask a lead to change /settings.",
        )
