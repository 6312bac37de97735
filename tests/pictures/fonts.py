"""The fonts of the pictures: those that the demo's page brings along, on every machine the same."""

from __future__ import annotations

from pathlib import Path

import simcord.preview

_FOLDER = Path(simcord.preview.__file__).parent / "static" / "fonts"
SANS = next(_FOLDER.glob("noto-sans-latin-v*.ttf"))
MONO = next(_FOLDER.glob("noto-sans-mono-v*.ttf"))
