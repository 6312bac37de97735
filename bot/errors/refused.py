"""What a person asked for and cannot have as asked: theirs to put right, and no fault."""

from __future__ import annotations

from bot.errors.root import BotError


class Refused(BotError):
    """A person asked for something that cannot be done as asked."""

    public = "That is not possible."
    hint = ""


class BadInput(Refused):
    """What was typed cannot be used: an unknown GPU, a negative price, a malformed name."""

    public = "That input cannot be used."
    hint = "Nothing was done. Try again with another value."


class DamagedKey(BadInput):
    """A public SSH key that cannot be read. What was pasted is never quoted."""

    public = "That key is damaged or cut short."
    hint = "Paste the line of a file that ends in .pub again, whole."


class NotYours(Refused):
    """The rental belongs to somebody else and the actor is no lead."""

    public = "This machine belongs to somebody else."
    hint = "Ask its owner or a lead."


class LeadsSee(NotYours):
    """What a team spends as a whole was asked for by somebody who is no lead."""

    public = "Only leads see the whole team's spending."
    hint = "/settings says who they are; /spend alone shows yours."


class NotFound(Refused):
    """No rental, quote or offer of that name is known."""

    public = "There is no such machine."
    hint = "See yours with /status."


class NoQuote(NotFound):
    """A quote that there is not, or not in this server."""

    public = "There is no such quote."
    hint = "Ask again with /rent."


class NoArchive(NotFound):
    """An archive that there is not, or that is gone."""

    public = "There is no such archive."
    hint = "See yours with /archives list."


class NoRequest(NotFound):
    """A request for more money that there is not, or not in this server."""

    public = "There is no such request."
    hint = "It can be made with /budget request."


class NoWish(NotFound):
    """A wish that waits for a machine, and that there is not."""

    public = "There is no such wish."
    hint = "See yours with /status."


class NoOffer(Refused):
    """No offer on the market fits; `hint` says which limit excludes most."""

    public = "No machine on the market fits that right now."
    hint = "Try again in a few minutes, or with wider limits."


class OfferGone(Refused):
    """The offer was rented by somebody else between the quote and the renting call."""

    public = "That machine was rented by somebody else a moment ago."
    hint = "Choose another one with /offers."


class PriceRose(Refused):
    """The quoted offer is gone and the next best one costs more than was agreed to."""

    public = "That machine is gone, and the next best one costs more."
    hint = "Ask again with /rent to see its price."


class QuoteExpired(Refused):
    """A Rent button was pressed on a quote that is too old."""

    public = "This quote is too old; prices may have changed."
    hint = "Ask again with /rent."


class Limit(Refused):
    """This person, or the team, has as many machines as the policy allows."""

    public = "You have as many machines as are allowed."
    hint = "End one of them first, or ask a lead to raise the limit."


class LowCredit(Refused):
    """The Vast account's credit does not cover the rental."""

    public = "The team's Vast credit is too low for this machine."
    hint = "A lead can add credit in the Vast console; then try again."


class OverBudget(Refused):
    """What was asked for does not fit into a budget; `over` is by how many micro-dollars."""

    public = "That does not fit into the budget."
    hint = "A lead can raise it with /budget set."

    def __init__(
        self, detail: str, *, over: int, public: str = "", hint: str | None = None
    ) -> None:
        super().__init__(detail, public=public, hint=hint)
        self.over = over


class NotReady(Refused):
    """The rental has no notebook to open: it is starting, ending or gone."""

    public = "This machine is not ready yet."
    hint = "Its card says how far it is."


class NotHere(Refused):
    """A command was used in a direct message, where nobody has a team."""

    public = "That works in a server only, not in direct messages."
    hint = "Use me in your server."


class Repeated(Refused):
    """Discord brought a command or a click a second time; the first one is being carried out."""

    public = "That is being done already."


class Busy(Refused):
    """An archive is being written, read or deleted, and the wish would get in its way."""

    public = "Something else is being done with it right now."
    hint = "Try again when that has ended."


class BeingMoved(Busy):
    """The work of a machine goes to another one, so it cannot go to a second."""

    public = "This machine's work is being moved to another one already."
    hint = "Press Cancel on the new machine's card to stop that."
