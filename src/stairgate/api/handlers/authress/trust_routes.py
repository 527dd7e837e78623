"""The surface of what is trusted, and of how access comes to whom nobody gave it, on one page."""

from __future__ import annotations

from stairgate.api.call import Parameter, Route
from stairgate.api.handlers.authress import accounts, claims, clients, identities, invites, users
from stairgate.api.handlers.authress.listing import CURSOR, LIMIT, MOST_OF_NOTHING
from stairgate.api.wire import authress as wire
from stairgate.api.wire import invites as invites_wire
from stairgate.api.wire.wellknown import KeySet

_EMPTY = (
    Parameter("limit", LIMIT.description, "integer", minimum=1, maximum=MOST_OF_NOTHING),
    CURSOR,
)

ROUTES: tuple[Route, ...] = (
    Route(
        "POST",
        "/v1/claims",
        claims.claim,
        "Claim a resource that nobody has yet",
        "resources",
        {201: wire.Claim},
        description=(
            "Needs a collection that is configured with `CLAIM`, or `delegate` for `*` on the resource. 409 "
            "`AlreadyClaimed` where it is yours already, or others have access to it or to something below it."
        ),
        request=wire.ClaimRequest,
        errors=(403, 409, 503),
        idempotent=True,
    ),
    Route(
        "POST",
        "/v1/invites",
        invites.create,
        "Invite somebody whose id is not known yet",
        "invites",
        {201: invites_wire.Invite},
        description=(
            "Needs what making the record would. It lasts 7 days; another `expiryTime`, 5 minutes to 30 days from now, "
            "needs `Invites:Create` on `Authress:Invites`. The id is all that is needed to accept it: it is not kept."
        ),
        request=invites_wire.Invite,
        errors=(403, 409, 503),
        idempotent=True,
        shown_once=True,
    ),
    Route(
        "GET",
        "/v1/invites/{inviteId}",
        invites.read,
        "See an invite",
        "invites",
        {200: invites_wire.Invite},
        description="Whoever has its id may.",
        errors=(403, 404, 503),
    ),
    Route(
        "PATCH",
        "/v1/invites/{inviteId}",
        invites.accept,
        "Accept an invite",
        "invites",
        {200: None},
        description=(
            "As a user, with the user's own access token, once; a repeat does nothing. Equal statements share one "
            "record: who accepts joins it where nobody gains anything else by it, and otherwise the invite's "
            "`conflictResolutionStrategy` decides. 403 where its maker may not hand out any more what it gives."
        ),
        request=invites_wire.InviteAcceptance,
        optional_body=True,
        errors=(403, 404, 409, 503),
    ),
    Route(
        "DELETE",
        "/v1/invites/{inviteId}",
        invites.delete,
        "Take an invite back",
        "invites",
        {204: None},
        description="For who made it, and for those with `DELETE` on `Authress:Invites`.",
        errors=(403, 404, 503),
    ),
    Route(
        "GET",
        "/v1/users",
        users.list_,
        "See users",
        "users",
        {200: wire.UserIdentityCollection},
        description="Those that records, groups or factors name. Needs `READ` on `Authress:Users`.",
        query=(
            Parameter("limit", LIMIT.description, "integer", minimum=1, maximum=users.MOST),
            CURSOR,
            Parameter("filter", "A part of the id.", minimum=0, maximum=users.LONGEST_FILTER),
            Parameter("tenantId", "Has no effect: there are no tenants.", maximum=128),
        ),
        errors=(403, 503),
    ),
    Route(
        "GET",
        "/v1/users/{userId}",
        users.read,
        "See a user",
        "users",
        {200: wire.UserIdentity},
        description="Everybody may see themselves.",
        errors=(403, 404, 503),
    ),
    Route(
        "DELETE",
        "/v1/users/{userId}",
        users.delete,
        "Take a user out of everything",
        "users",
        {202: None},
        description=(
            "Out of every record and group, as an admin too, with factors, challenges and elevations; at once, however "
            "many there are. Needs `DELETE` on `Authress:Users/{userId}`, which being the user does not give."
        ),
        errors=(403, 404, 503),
    ),
    Route(
        "GET",
        "/v1/clients",
        clients.list_,
        "See service clients",
        "clients",
        {200: wire.ClientCollection},
        query=(LIMIT, CURSOR),
        errors=(403, 503),
    ),
    Route(
        "POST",
        "/v1/clients",
        clients.create,
        "Make a service client",
        "clients",
        {201: wire.Client},
        request=wire.Client,
        errors=(403, 503),
        idempotent=True,
    ),
    Route(
        "GET",
        "/v1/clients/{clientId}",
        clients.read,
        "See a service client",
        "clients",
        {200: wire.Client},
        errors=(403, 404, 503),
    ),
    Route(
        "PUT",
        "/v1/clients/{clientId}",
        clients.replace,
        "Change a service client",
        "clients",
        {200: wire.Client},
        description="Its keys stay; an option that is left out stays as it is.",
        request=wire.Client,
        errors=(403, 404, 503),
    ),
    Route(
        "DELETE",
        "/v1/clients/{clientId}",
        clients.delete,
        "Delete a service client",
        "clients",
        {204: None},
        errors=(403, 404, 503),
    ),
    Route(
        "POST",
        "/v1/clients/{clientId}/access-keys",
        clients.create_key,
        "Make an access key",
        "clients",
        {201: wire.NewAccessKey},
        description=(
            "Up to 5 a client. The key is shown once, and only its public half is kept. Once anything is protected, a "
            "user steps up to make one, for this very body: 403 `StepUpAuthorizationRequired`."
        ),
        request=wire.AccessKeyRequest,
        optional_body=True,
        errors=(403, 404, 409, 503),
        idempotent=True,
        shown_once=True,
    ),
    Route(
        "DELETE",
        "/v1/clients/{clientId}/access-keys/{keyId}",
        clients.delete_key,
        "Delete an access key",
        "clients",
        {204: None},
        description="Once this has answered, no token that it signed is accepted.",
        errors=(403, 404, 503),
    ),
    Route(
        "GET",
        "/v1/clients/{clientId}/.well-known/openid-configuration/jwks",
        clients.keys,
        "The public keys of a service client",
        "keys",
        {200: KeySet},
        description="`kid` and `iss` are accepted because official clients send them; the set is always whole.",
        query=(Parameter("kid", "Has no effect.", maximum=4096), Parameter("iss", "Has no effect.", maximum=4096)),
        errors=(404, 503),
        public=True,
    ),
    Route(
        "GET",
        "/v1/accounts",
        accounts.list_,
        "See the account",
        "account",
        {200: wire.AccountCollection},
        query=(Parameter("earliestCacheTime", "Has no effect: nothing here is cached.", maximum=64),),
        errors=(403, 503),
    ),
    Route(
        "GET",
        "/v1/accounts/{accountId}",
        accounts.read,
        "See the account",
        "account",
        {200: wire.AccountDetails},
        errors=(403, 404, 503),
    ),
    *(
        Route(
            "GET",
            f"/v1/{kind.lower()}",
            accounts.nothing(kind, collection),
            f"See {kind.lower()}: there are none",
            "login",
            {200: collection},
            query=_EMPTY,
            errors=(403, 503),
        )
        for kind, collection in (
            ("Connections", wire.ConnectionCollection),
            ("Tenants", wire.TenantCollection),
            ("Applications", wire.ApplicationCollection),
            ("Extensions", wire.ExtensionCollection),
        )
    ),
    Route(
        "GET",
        "/v1/identities",
        identities.list_,
        "See the trusted issuers",
        "identities",
        {200: wire.IdentityCollection},
        errors=(403, 503),
    ),
    Route(
        "POST",
        "/v1/identities",
        identities.trust,
        "Trust an issuer of user tokens",
        "identities",
        {201: wire.Identity},
        description="One that is trusted already is replaced.",
        request=wire.IdentityRequest,
        errors=(403, 503),
        idempotent=True,
    ),
)
