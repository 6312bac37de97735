"""How the simulated market says no. It is Vast's answer, not an error of this house."""

from __future__ import annotations


class Refusal(Exception):
    """A request that Vast would refuse, with the HTTP status, code and text of its answer.

    `extra` are further fields of the answer (`ask_id`, `new_contract`). A status of 200 is right
    where Vast answers `success: false` with it.
    """

    def __init__(self, status: int, error: str, message: str, **extra: object) -> None:
        super().__init__(f"{status} {error}: {message}")
        self.status = status
        self.error = error
        self.message = message
        self.extra = extra


def invalid(message: str) -> Refusal:
    return Refusal(400, "invalid_args", f"error 400/3001: Invalid args: {message}")


def no_instance(contract: int) -> Refusal:
    return Refusal(404, "no_such_instance", f"error 404/3605: no_such_instance {contract}")


def no_offer(offer_id: int) -> Refusal:
    """Rented by somebody else, or never there (seen live with 400; the code is in the text)."""
    return Refusal(
        400,
        "invalid_args",
        f"error 404/3603: no_such_ask  Instance type by id {offer_id} is not available.",
        ask_id=offer_id,
    )
