"""Which methods a user can use for a challenge now, and the view of it that says so (semantics §7.6)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from stairgate.factors.addresses import masked
from stairgate.factors.catalogue import CATALOGUE, methods_meeting
from stairgate.model.challenges import Challenge, Ticket
from stairgate.model.errors import ChallengePendingError, NoEligibleFactorError
from stairgate.model.ids import UserId
from stairgate.model.protection import Level, Method
from stairgate.model.resources import Resource, management_resource
from stairgate.ports.store import ReadTransaction
from stairgate.service.context import Services
from stairgate.service.loading import best_levels
from stairgate.service.obstacles import UnusableMethod, unusable_methods
from stairgate.service.stored_factors import unsealed, usable_factors
from stairgate.service.views import ChallengeView, CodeAddress, in_words
from stairgate.stepup.challenges import MAX_WRONG
from stairgate.stepup.limits import DISABLE_AT, prompt_age, resend_wait


def factors_resource(user: UserId) -> Resource:
    """Where the right to change a user's factors is held, and so where they enrol."""
    users = management_resource("Users", user)
    return Resource((*users.segments, "factors"))


def no_eligible_factor(user: UserId) -> NoEligibleFactorError:
    """The refusal that says where to enrol."""
    return NoEligibleFactorError(enrolment={"userId": user, "resourceUri": str(factors_resource(user))})


def others_first() -> ChallengePendingError:
    """The refusal of a proof while other people are asked: it is not even looked at (semantics §9)."""
    return ChallengePendingError("other people have yet to agree before this can be proven")


def offered_levels(services: Services) -> Mapping[Method, Level]:
    """The best level of each method with a factor of the user's own that the running service offers."""
    return best_levels({}, None, services.rules.methods - {Method.EXTERNAL})


def eligible_methods(
    services: Services, transaction: ReadTransaction, ticket: Ticket, external: Level | None, now: datetime
) -> tuple[Method, ...]:
    """
    The methods that this user can use now, strongest first.

    Args:
        services: The application's.
        transaction: Where the factors are.
        ticket: What is asked of whom.
        external: What `external` can prove for it, None where no client may attest it.
        now: The time.
    """
    levels = dict(offered_levels(services))
    if external is not None and transaction.attempts(ticket.user, Method.EXTERNAL.value).failures < DISABLE_AT:
        levels[Method.EXTERNAL] = external
    return tuple(
        method
        for method in methods_meeting(ticket.requirement, levels)
        if not CATALOGUE[method].enrolled
        or usable_factors(services, transaction, ticket.user, method, now, level=ticket.requirement.level)
    )


def view(
    services: Services, transaction: ReadTransaction, challenge: Challenge, external: Level | None, now: datetime
) -> ChallengeView:
    """*challenge* as its parties see it; it must be settled."""
    methods: tuple[Method, ...] = ()
    unusable: tuple[UnusableMethod, ...] = ()
    ticket = challenge.ticket
    if challenge.state.live and challenge.waiting:
        methods = (Method.APPROVAL,)
    elif challenge.state.live:
        methods = eligible_methods(services, transaction, ticket, external, now)
        unusable = unusable_methods(
            services,
            transaction.factors_of(ticket.user),
            meeting=methods_meeting(ticket.requirement, offered_levels(services)),
            usable=methods,
            level=ticket.requirement.level,
        )
    left = MAX_WRONG - challenge.wrong_answers if challenge.state.live else 0
    addresses = tuple(
        CodeAddress(factor.id, method, masked(unsealed(services, factor).decode()))
        for method in methods
        if CATALOGUE[method].sends
        for factor in usable_factors(services, transaction, ticket.user, method, now)
    )
    return ChallengeView(
        challenge,
        methods,
        in_words(ticket),
        left,
        addresses,
        unusable,
        sent_ago=prompt_age(challenge, now),
        resend_wait=resend_wait(challenge, now),
    )
