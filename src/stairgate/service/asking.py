"""A challenge asks other people: by a new request, or by one that asks the same already (semantics §9)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from stairgate.model.audit import Event
from stairgate.model.challenges import Ticket
from stairgate.model.ids import ChallengeId, ClientId, RequestId
from stairgate.model.requests import Request
from stairgate.ports.store import WriteTransaction
from stairgate.service import audit
from stairgate.service.requests import members_of, require_room
from stairgate.stepup import approvals


@dataclass(frozen=True, slots=True)
class Asking:
    """Who opens a challenge, the id of a request if there is to be one, and how many seconds other people have."""

    id: RequestId
    expiry: int
    opener: ClientId | None

    def ask(
        self,
        transaction: WriteTransaction,
        ticket: Ticket,
        challenge: ChallengeId,
        *,
        by: str,
        now: datetime,
    ) -> Request:
        """
        The request that *challenge*, about to be opened for *ticket*, waits for or uses.

        Raises:
            LimitReachedError: The user asks for as much as one may.
        """
        for known in transaction.live_requests_of(ticket.user):
            if approvals.fits(known, ticket, now):
                live = tuple(each for each in known.challenges if self._is_live(transaction, each))
                request = approvals.joined(replace(known, challenges=live), challenge)
                transaction.put_request(request)
                return request
        require_room(transaction, ticket.user, now)
        request = Request(
            id=self.id,
            requester=ticket.user,
            asked=ticket,
            quorums=ticket.requirement.approvals,
            opened_at=now,
            expires_at=self._end(ticket, now),
            last_updated=now,
            opener=self.opener or ticket.client,
            challenges=(challenge,),
            token=ticket.token,
            members=members_of(transaction, ticket.requirement.approvals),
        )
        transaction.put_request(request)
        transaction.append_audit(audit.request_entry(Event.REQUEST_OPENED, request, by=by, at=now))
        return request

    def _end(self, ticket: Ticket, now: datetime) -> datetime:
        end = now + timedelta(seconds=self.expiry)
        if ticket.requirement.level is None and ticket.token_expires_at is not None:
            return min(end, ticket.token_expires_at)  # no later token could use it
        return end

    @staticmethod
    def _is_live(transaction: WriteTransaction, challenge: ChallengeId) -> bool:
        known = transaction.challenge(challenge)
        return known is not None and known.state.live
