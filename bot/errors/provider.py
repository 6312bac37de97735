"""What Vast does that stops us."""

from __future__ import annotations

from datetime import timedelta

from bot.errors.root import BotError


class Provider(BotError):
    """Vast answered in a way that stops us, or did not answer."""

    public = "Vast.ai could not do that."
    hint = "Try again in a minute."


class Down(Provider):
    """No connection, a time-out, a 5xx or an HTML page: nothing is known, trying again is safe."""

    public = "Vast.ai is not answering right now."


class RateLimited(Provider):
    """Vast asked us to slow down. `retry_after` says for how long, if it said."""

    public = "Vast.ai asks us to slow down."

    def __init__(
        self,
        detail: str = "",
        *,
        retry_after: timedelta | None = None,
        public: str = "",
        hint: str | None = None,
    ) -> None:
        super().__init__(detail, public=public, hint=hint)
        self.retry_after = retry_after


class Denied(Provider):
    """The key is wrong, revoked, lacks a right, or the account asks for a second factor."""

    public = "Vast.ai refuses our key."
    hint = "Whoever runs this bot must check VAST_API_KEY."


class Nonsense(Provider):
    """The answer is well-formed but cannot be understood; nothing is concluded from it."""

    public = "Vast.ai answered something we cannot understand."


class MayHaveRented(Provider):
    """The renting call ended without a definite yes or no.

    `contract` is set where the answer was an error that nevertheless names a contract: that
    machine exists and must be removed.
    """

    public = "Vast.ai did not say whether the machine was rented; we are finding out."
    hint = "The machine's card says what came of it."

    def __init__(self, detail: str = "", *, contract: int | None = None) -> None:
        super().__init__(detail)
        self.contract = contract
