"""The public keys of what this service signs, and where they are."""

from __future__ import annotations

from stairgate.api.answers import Answer, json_answer
from stairgate.api.call import Call
from stairgate.api.handlers.oauth import tokens
from stairgate.api.wire.wellknown import Discovery, KeySet, RelatedOrigins
from stairgate.model.errors import NotFoundError

JWKS_PATH = "/.well-known/openid-configuration/jwks"


async def keys(call: Call) -> Answer:
    """
    Answer `GET /.well-known/openid-configuration/jwks`.

    Always the whole set, whatever `kid` and `iss` official clients add: they pick the key themselves.
    """
    services = call.services
    found = services.signer.public_keys()
    if services.test_issuer is not None:
        found = [*found, *services.test_issuer.public_keys()]
    return json_answer(200, KeySet([dict(key) for key in found]))


async def related_origins(call: Call) -> Answer:
    """Answer `GET /.well-known/webauthn`."""
    party = call.services.rules.party
    if party is None:
        raise NotFoundError
    return json_answer(200, RelatedOrigins(list(party.origins)))


async def discovery(call: Call) -> Answer:
    """Answer `GET /.well-known/openid-configuration`."""
    issuer = call.services.rules.public_origins[0]
    document = Discovery(
        issuer=issuer,
        jwks_uri=f"{issuer}{JWKS_PATH}",
        token_endpoint=f"{issuer}{tokens.PATH}",
        grant_types_supported=[tokens.GRANT],
        token_endpoint_auth_methods_supported=["client_secret_basic", "client_secret_post"],
    )
    return json_answer(200, document)
