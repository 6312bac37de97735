"""What a simulated machine finds in its image: programs on PATH, course notebooks, package sources.

An image whose name contains `no-jupyter` has no Jupyter and may install from the package
registries; every other one has the Jupyter of the running Python, and installing packages fails at
once instead of fetching gigabytes (or worse, changing the environment that runs the sandbox).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

COURSE_IMAGE = "fastdotai/fastai-course"

_SYSTEM = ("/usr/local/bin", "/usr/bin", "/bin")


def has_jupyter(image: str) -> bool:
    return "no-jupyter" not in image


def has_course(image: str) -> bool:
    """Whether the course lies in the workspace from the start."""
    return image.startswith(COURSE_IMAGE)


def search_path(image: str, own: Path) -> str:
    """PATH, the machine's own folder of programs first."""
    if has_jupyter(image):
        return ":".join((str(own), str(Path(sys.executable).parent), *_SYSTEM))
    return ":".join((str(own), *_SYSTEM[1:]))


def own_programs(image: str) -> Iterator[tuple[str, str]]:
    """Programs to put into the machine's own folder: name and text."""
    yield "nvidia-smi", (Path(__file__).parent / "machine_nvidia_smi.sh").read_text()
    if not has_jupyter(image):
        base = getattr(sys, "_base_executable", sys.executable)
        yield "python3", f'#!/bin/sh\nexec "{base}" "$@"\n'


def package_sources(image: str, cache: Path) -> dict[str, str]:
    """The variables that tell pip and uv where packages come from."""
    if has_jupyter(image):
        return {
            "PIP_NO_INDEX": "1",
            "PIP_CONFIG_FILE": os.devnull,
            "UV_OFFLINE": "1",
            "UV_CACHE_DIR": str(cache),
        }
    return {**dict(_sources_of_host()), "PIP_CACHE_DIR": str(cache)}


def _sources_of_host() -> Iterator[tuple[str, str]]:
    """How this host reaches the registries: proxies, mirrors, certificates."""
    for name, value in os.environ.items():
        if name.startswith(("PIP_", "UV_", "SSL_CERT_")) or name.lower().endswith("_proxy"):
            yield name, value
    for file in (Path.home() / ".config/pip/pip.conf", Path.home() / ".pip/pip.conf"):
        if "PIP_CONFIG_FILE" not in os.environ and file.exists():
            yield "PIP_CONFIG_FILE", str(file)
            return
