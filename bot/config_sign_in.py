"""The settings for signing in with Discord: both, or none and it is off."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.errors import Config

NAMES = ("DISCORD_CLIENT_ID", "DISCORD_CLIENT_SECRET")


@dataclass(frozen=True, slots=True)
class SignInSettings:
    """What Discord's developer portal says under OAuth2."""

    client_id: str = ""
    client_secret: str = field(default="", repr=False)

    @property
    def on(self) -> bool:
        return bool(self.client_id)


def sign_in(env: Mapping[str, str]) -> SignInSettings:
    """Raises Config where one of the two is missing or cannot be right."""
    client_id, client_secret = (env.get(name, "").strip() for name in NAMES)
    if client_id and not re.fullmatch(r"[0-9]{15,20}", client_id):
        raise Config("DISCORD_CLIENT_ID", "must be the application's number, from the portal.")
    if not re.fullmatch(r"[!-~]*", client_secret):
        raise Config("DISCORD_CLIENT_SECRET", "must be one word, from the portal under OAuth2.")
    if client_id and not client_secret:
        raise Config("DISCORD_CLIENT_ID", "needs DISCORD_CLIENT_SECRET beside it, or leave it out.")
    if client_secret and not client_id:
        raise Config("DISCORD_CLIENT_SECRET", "needs DISCORD_CLIENT_ID beside it, or leave it out.")
    return SignInSettings(client_id, client_secret)
