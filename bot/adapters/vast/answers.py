"""What an answer of Vast's means: yes, or which error of ours.

The same fault comes in many forms (reference vast-api, 1.7): a wrong key is a 404, a refusal may
be a 200 with `success: false`, a 429 may be plain text, a fault may be an HTML page. The order of
the tests is the point: whoever takes a 404 for "gone" before asking whether it is a wrong key
forgets machines that run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.adapters.vast import values
from bot.adapters.vast.values import Row
from bot.errors import BotError, Denied, Down, Nonsense, Provider, RateLimited
from bot.log import hide

_LONGEST_TEXT = 240
_LONGEST_WAIT = timedelta(days=1)
_LONGEST_PAUSE = timedelta(minutes=10)
"""Whatever a 429 says: longer than that nothing is left alone that may have to be destroyed. Only
the searches of a day are used up until its end."""

QUOTA_SPENT = "Today's searches on Vast.ai are used up."
QUOTA_HINT = "Vast gives new ones at midnight UTC. What runs goes on as before."

_QUOTA = "search_quota_exceeded"
_SECOND_FACTOR = ("two factor", "two-factor")
_WRONG_KEY = ("auth_error", "invalid user key", "requires login", "session expired")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer, read. `text` is what it says in words, without secrets."""

    what: str  # "GET /api/v1/instances/", without its query
    status: int
    body: object = field(repr=False)  # parsed JSON; None where `is_json` is False
    is_json: bool
    is_page: bool  # an HTML page, of a proxy or a fault
    code: str  # Vast's `error`
    text: str
    retry_after: timedelta | None

    @property
    def row(self) -> Row:
        """The JSON object, or an empty one for any other body."""
        return self.body if isinstance(self.body, dict) else {}

    @property
    def reason(self) -> str:
        """Its text without the code."""
        return self.text.removeprefix(self.code).lstrip(": ")

    @property
    def ok(self) -> bool:
        """HTTP says yes and the body does not say no."""
        return 200 <= self.status < 300 and self.is_json and not self._says_no

    @property
    def refused(self) -> bool:
        """A definite no to this request: a 4xx, with a reason in JSON, that is not about timing."""
        return 400 <= self.status < 500 and self.status != 408 and self.is_json and bool(self.text)

    def says(self, *words: str) -> bool:
        """Whether its code or text contains one of these, in any case."""
        said = f"{self.code} {self.text}".lower()
        return any(word in said for word in words)

    def error(self) -> BotError | None:
        """The error this answer is; None for a yes."""
        detail = f"{self.what}: {self.status} {self.text}".rstrip()
        if self.status == 429:
            spent = self.code == _QUOTA
            return RateLimited(
                detail,
                retry_after=self.retry_after,
                public=QUOTA_SPENT if spent else "",
                hint=QUOTA_HINT if spent else None,
            )
        if self.is_page:
            return Down(f"{detail} (a page instead of an answer)")
        if self._denies:
            return Denied(detail, hint=_hint(self))
        if self.status >= 500 or self.status == 408:
            return Down(detail)
        if self.ok:
            return None
        if self.is_json and (self.status >= 400 or self._says_no):
            return Provider(detail)
        return Nonsense(detail)

    def check(self) -> Answer:
        """Itself. Raises its error."""
        if (error := self.error()) is not None:
            raise error
        return self

    @property
    def _says_no(self) -> bool:
        return self.row.get("success", True) in (False, "false")

    @property
    def _denies(self) -> bool:
        if self.status in (401, 403):
            return True
        return (self.status >= 400 or self._says_no) and self.says(*_WRONG_KEY, *_SECOND_FACTOR)


def read(
    what: str,
    status: int,
    headers: Mapping[str, str],
    raw: bytes,
    *,
    now: datetime,
    secrets: tuple[str, ...] = (),
) -> Answer:
    """An answer from its parts; never raises. `secrets` are cut out of its text."""
    is_page = "html" in headers.get("Content-Type", "").lower() or raw.lstrip()[:1] == b"<"
    body, is_json = None, False
    if not is_page:
        with contextlib.suppress(ValueError):
            body, is_json = values.parse(raw), True
    row: Row = body if isinstance(body, dict) else {}
    said = "" if is_page else _words(row) if is_json else raw[:2000].decode(errors="replace")
    return Answer(
        what=what,
        status=status,
        body=body,
        is_json=is_json,
        is_page=is_page,
        code=hide(values.text(row.get("error")), secrets)[:_LONGEST_TEXT],
        text=hide(values.text(said), secrets)[:_LONGEST_TEXT],
        retry_after=_retry_after(headers, row, now),
    )


def _words(row: Row) -> str:
    words = (values.text(row.get(name)) for name in ("error", "msg", "message", "detail"))
    return ": ".join(dict.fromkeys(word for word in words if word))


def _retry_after(headers: Mapping[str, str], row: Row, now: datetime) -> timedelta | None:
    """How long Vast asks us to wait: by header, by body, or until the daily quota is reset."""
    spent = row.get("error") == _QUOTA
    longest = _LONGEST_WAIT if spent else _LONGEST_PAUSE
    for value in (headers.get("Retry-After"), row.get("retry_after")):
        seconds = values.number(value)
        if seconds is not None and seconds >= 0:
            span = values.seconds_span(seconds)
            return longest if span is None else min(span, longest)
    if spent:
        reset_at = values.moment(headers.get("X-RateLimit-Reset"))
        if reset_at is not None and reset_at > now:
            return min(reset_at - now, _LONGEST_WAIT)
    return None


def _hint(answer: Answer) -> str | None:
    """What a lead can do about a refused key; None for the usual hint."""
    if answer.says(*_SECOND_FACTOR):
        return (
            "The Vast account asks for a second factor. A lead must put a key into VAST_API_KEY "
            "that works without one."
        )
    if answer.status in (401, 403) and not answer.says(*_WRONG_KEY):
        return (
            "VAST_API_KEY seems to lack a right. A lead must give it reading and managing of "
            "instances in the Vast console."
        )
    return None
