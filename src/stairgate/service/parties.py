"""Who has a part in a challenge, and which (semantics §7.1). To everyone else it is as if it did not exist."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stairgate.engine.decide import assess
from stairgate.model.actions import Action, parse_action
from stairgate.model.challenges import Challenge, Ticket
from stairgate.model.decisions import Allow, Question
from stairgate.model.errors import NotFoundError
from stairgate.model.ids import ChallengeId, ClientId, UserId
from stairgate.model.protection import Level, Method, reaches
from stairgate.model.resources import Resource, step_up_resource
from stairgate.model.tokens import Caller, ClientCaller, PageHolder, Participant
from stairgate.service.context import Services
from stairgate.service.pages import is_page_secret

CHALLENGE = parse_action("StepUp:Challenge")
ATTEST = parse_action("StepUp:Attest")


@dataclass(frozen=True, slots=True)
class Party:
    """
    What a caller may do with a challenge.

    *named*: the caller has the very token that it names. *addressed*: a service client that the challenge token was
    minted to, or that may take it because it was minted to no other. The rights are those over the resource.
    """

    named: bool
    addressed: bool
    may_challenge: bool
    may_attest: bool
    page: bool = False  # holds the page secret, and is nobody that we know

    @property
    def may_answer(self) -> bool:
        """Whether it may open the challenge, and answer with a factor of the user."""
        return self.named or self.may_challenge or self.page

    @property
    def may_see(self) -> bool:
        """Whether it may read the challenge and decline it."""
        return self.may_answer or self.may_attest


async def party_of(services: Services, caller: Caller, ticket: Ticket) -> Party:
    """
    What *caller* may do with a challenge for *ticket*.

    A client has no part in a challenge about itself, but as the named token: it neither attests nor codes its own.
    """
    named = caller.token.key == ticket.token and caller.token.user == ticket.user
    if not isinstance(caller, ClientCaller) or caller.principal == ticket.user:
        return Party(named, addressed=False, may_challenge=False, may_attest=False)
    if ticket.client not in {None, caller.client, ClientId(ticket.user)}:
        return Party(named, addressed=False, may_challenge=False, may_attest=False)
    where = step_up_resource(ticket.resource)
    return Party(
        named,
        addressed=True,
        may_challenge=await _holds(services, caller.principal, CHALLENGE, where),
        may_attest=await _holds(services, caller.principal, ATTEST, where),
    )


_OF_PAGE = Party(named=False, addressed=False, may_challenge=False, may_attest=False, page=True)


async def require_party(
    services: Services, participant: Participant, challenge: ChallengeId
) -> tuple[Challenge, Party]:
    """
    The challenge and the participant's part in it.

    Raises:
        NotFoundError: There is none, or the participant has no part in it: both look alike (attack 27).
    """
    found = await services.store.read(lambda transaction: transaction.challenge(challenge))
    if found is None:
        raise NotFoundError
    if isinstance(participant, PageHolder):
        if not found.has_page or not is_page_secret(services, challenge, participant.secret):
            raise NotFoundError
        return found, _OF_PAGE
    party = await party_of(services, participant, found.ticket)
    if not party.may_see:
        raise NotFoundError
    return found, party


def opened_by(challenge: Challenge, caller: Caller, party: Party) -> bool:
    """Whether *caller* is who opened *challenge*: the named user token, or that service client."""
    if challenge.opener is None:
        return party.named
    return isinstance(caller, ClientCaller) and caller.client == challenge.opener


async def offered_external(services: Services, challenge: Challenge, party: Party) -> Level | None:
    """What `external` can prove for *challenge*, as *party* sees it: on a page nobody attests."""
    return None if party.page else await attesting_level(services, challenge.ticket)


async def attesting_level(services: Services, ticket: Ticket) -> Level | None:
    """
    The best that `external` can prove for *ticket*; None where no client may attest it (semantics §7.6).

    That is the asking client's where one asked, any other client's where the user's own token did.
    """
    requirement = ticket.requirement
    if requirement.device is not None:  # a client is not the device that asked (semantics §7.2)
        return None
    if requirement.methods is not None and Method.EXTERNAL not in requirement.methods:
        return None
    levels = await services.facts.external_levels()
    for client, level in _who_could_attest(levels, ticket):
        if not reaches(level, requirement.level):
            return None
        if await _holds(services, UserId(client), ATTEST, step_up_resource(ticket.resource)):
            return level
    return None


def _who_could_attest(levels: Mapping[ClientId, Level], ticket: Ticket) -> list[tuple[ClientId, Level]]:
    about_itself = ticket.client == ClientId(ticket.user)
    if ticket.client is not None and not about_itself:
        return [(ticket.client, levels[ticket.client])] if ticket.client in levels else []
    others = [(client, level) for client, level in levels.items() if client != ClientId(ticket.user)]
    return sorted(others, key=lambda each: -each[1])


async def _holds(services: Services, principal: UserId, action: Action, resource: Resource) -> bool:
    # Resource marks do not guard these actions: through them marks are met (semantics §4).
    facts = await services.facts.facts_of(principal)
    return isinstance(assess(Question(principal, resource, action), facts), Allow)
