"""
A step-up on the account page: there and back again (semantics §7.2, §7.6).

Whoever wants to change a factor is asked first, on the challenge page. The browser comes back from it with a return
code, and to where it wanted to go.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from stairgate.model.errors import (
    DomainError,
    InvalidInputError,
    NoEligibleFactorError,
    NotFoundError,
    StepUpRefusedError,
)
from stairgate.model.ids import ChallengeId, FactorId
from stairgate.model.protection import Method, method_of
from stairgate.pages.account.problems import Told, problem_of
from stairgate.pages.account.visit import Verbs, Visit
from stairgate.pages.http import Page, see_other
from stairgate.service.account_factors import list_session_factors
from stairgate.service.account_links import ACCOUNT_PATH, BACK
from stairgate.service.account_step_up import begin_step_up, finish_step_up
from stairgate.service.caution import rehearse_lifting
from stairgate.service.session_factors import rehearse_adding, rehearse_change

_CHANGES = frozenset({"rename", "remove", "clear"})
LIFT = "lift"
_LONGEST = 128


@dataclass(frozen=True, slots=True)
class Wish:
    """
    What somebody wants to do.

    `add` a factor of a method; `rename`, `remove` or `clear` one by its id; or `lift` the wish to be asked every time.
    """

    verb: str
    of: str = ""

    @property
    def address(self) -> str:
        """The page on which it is done."""
        if self.verb == LIFT:
            return f"{ACCOUNT_PATH}/{LIFT}"
        return f"{ACCOUNT_PATH}/{self.verb}?{urlencode({'way' if self.verb == 'add' else 'factor': self.of})}"

    @property
    def text(self) -> str:
        """As it travels with the browser."""
        return f"{self.verb}:{self.of}"

    async def rehearse(self, visit: Visit) -> None:
        """Raises what it would be refused with."""
        if self.verb == "add":
            await rehearse_adding(visit.services, visit.session, way_of(self.of))
        elif self.verb == LIFT:
            await rehearse_lifting(visit.services, visit.session.authority, visit.session.user)
        else:
            clear = self.verb == "clear"
            await rehearse_change(visit.services, visit.session, FactorId(self.of), clear=clear)


def wish_of(text: str) -> Wish:
    """
    The wish that *text* says; it comes from a browser.

    Raises:
        NotFoundError: It is none.
    """
    verb, _, of = text.partition(":")
    if verb == "add":
        return Wish(verb, way_of(of).value)
    if verb == LIFT:
        return Wish(verb)
    if verb not in _CHANGES or not of.isascii() or not of.isprintable() or not 1 <= len(of) <= _LONGEST:
        raise NotFoundError
    return Wish(verb, of)


def way_of(text: str) -> Method:
    """
    The method that a form or an address names.

    Raises:
        NotFoundError: There is none of that name.
    """
    try:
        return method_of(text)
    except InvalidInputError:
        raise NotFoundError from None


async def refusal_of(visit: Visit, wish: Wish) -> Told | None:
    """Why *wish* would be refused now, `first` where a step-up comes first; None: it would not be."""
    try:
        await wish.rehearse(visit)
    except NotFoundError:
        raise
    except DomainError as error:
        problem = problem_of(error)
        if problem is None:
            raise
        return problem
    return None


async def confirm_first(visit: Visit) -> Page:
    """Answer `POST /account/step-up`: open the challenge, and go to its page."""
    wish = wish_of(visit.field("then"))
    try:
        await wish.rehearse(visit)
    except StepUpRefusedError as refused:
        return await _to_challenge(visit, wish, refused)
    except NotFoundError:
        raise
    except DomainError as error:
        if problem_of(error) is None:
            raise
    return visit.back(to=wish.address)  # where it is allowed by now, or is told why it is not


async def _to_challenge(visit: Visit, wish: Wish, refused: StepUpRefusedError) -> Page:
    try:
        address = await begin_step_up(
            visit.services, visit.session, refused, state=wish.text, locale=visit.language.tag
        )
    except NoEligibleFactorError:
        factors, now = await list_session_factors(visit.services, visit.session), visit.services.clock.now()
        held = any(factor.usable_from > now and not factor.disabled for factor in factors)
        return visit.back(Told("held" if held else "weak"), to=wish.address)
    except DomainError as error:
        problem = problem_of(error)
        if problem is None:
            raise
        return visit.back(problem, to=wish.address)
    return see_other(address)


async def come_back(visit: Visit) -> Page:
    """
    Answer `GET /account/back`: the browser comes from the challenge page.

    It is the one GET that changes something: it redeems a code that is good once, for 60 seconds, and for a challenge
    that this very session opened. So a foreign page that sends a browser here does nothing.
    """
    wish = wish_of(visit.field("state"))
    code = visit.field("code")
    if not code:
        return visit.back(Told("declined"), to=wish.address)
    try:
        await finish_step_up(visit.services, visit.session, ChallengeId(visit.field("challengeId")[:_LONGEST]), code)
    except DomainError as error:
        if problem_of(error) is None:
            raise
        return visit.back(Told("unconfirmed"), to=wish.address)
    return visit.back(Told(done="confirmed"), to=wish.address)


VERBS: Verbs = {("POST", "step-up"): confirm_first, ("GET", BACK): come_back}
