"""Factors and links to the account page over HTTP (semantics §7.6)."""

from __future__ import annotations

from stairgate.api.answers import Answer, empty_answer, json_answer
from stairgate.api.call import Call
from stairgate.api.handlers.stepup.check import MAX_USER_TOKEN, USER_TOKEN
from stairgate.api.once import once
from stairgate.api.wire import factors as wire
from stairgate.model.errors import InvalidInputError, NotFoundError
from stairgate.model.ids import EnrolmentId, FactorId, UserId, user_id
from stairgate.model.protection import method_of
from stairgate.service import account_factors
from stairgate.service.account_factors import FactorView, view_of
from stairgate.service.account_links import CreatedLink, make_account_link
from stairgate.service.caution import read_caution, set_caution
from stairgate.service.confirm_enrolment import ConfirmCall, confirm_enrolment
from stairgate.service.context import Services
from stairgate.service.enrolment import BeginCall, begin_enrolment
from stairgate.service.factor_rights import Authority
from stairgate.service.management import Written

_MAX_ID = 128


async def list_(call: Call) -> Answer:
    """Answer `GET /v1/users/{userId}/factors`."""
    found = await account_factors.list_factors(call.services, call.caller, _user(call))
    return json_answer(200, wire.Factors([factor_view(view) for view in found]))


async def begin(call: Call) -> Answer:
    """Answer `POST /v1/users/{userId}/factors`."""
    body = call.body(wire.BeginFactor)
    authority = Authority(call.caller, body.link)
    given = BeginCall(method=method_of(body.method), name=body.name, address=body.address, locale=body.locale)
    begun = await begin_enrolment(call.services, authority, _user(call), given)
    answer = wire.BegunFactor(
        method=begun.method.value,
        expires_at=begun.expires_at,
        enrolment_id=begun.enrolment,
        secret=begun.secret,
        uri=begun.uri,
        qr_svg=begun.qr_svg,
        public_key=None if begun.public_key is None else dict(begun.public_key),
        sent_to=begun.sent_to,
        codes=list(begun.codes),
        factor_id=None if begun.factor is None else begun.factor.id,
    )
    return json_answer(201, answer)


async def confirm(call: Call) -> Answer:
    """Answer `POST /v1/users/{userId}/factors/{factorId}/confirm`, where the id is the enrolment's."""
    body = call.body(wire.ConfirmFactor)
    given = ConfirmCall(code=body.code, credential=body.credential)
    authority = Authority(call.caller, body.link)
    factor = await confirm_enrolment(call.services, authority, _user(call), EnrolmentId(_id(call)), given)
    return json_answer(201, factor_view(view_of(call.services, factor)))


async def change(call: Call) -> Answer:
    """Answer `PATCH /v1/users/{userId}/factors/{factorId}`."""
    body = call.body(wire.ChangeFactor)
    if body.disabled:
        raise InvalidInputError("disabled", "can only be set to false: remove a factor that must not be used")
    view = await account_factors.change_factor(
        call.services,
        Authority(call.caller),
        _user(call),
        FactorId(_id(call)),
        name=body.name,
        clear=body.disabled is False,
    )
    return json_answer(200, factor_view(view))


async def remove(call: Call) -> Answer:
    """Answer `DELETE /v1/users/{userId}/factors/{factorId}`."""
    await account_factors.delete_factor(call.services, Authority(call.caller), _user(call), FactorId(_id(call)))
    return empty_answer(204)


async def caution(call: Call) -> Answer:
    """Answer `GET /v1/users/{userId}/caution`."""
    return json_answer(200, wire.Caution(always=await read_caution(call.services, call.caller, _user(call))))


async def set_always(call: Call) -> Answer:
    """Answer `PUT /v1/users/{userId}/caution`."""
    body = call.body(wire.Caution)
    always = await set_caution(call.services, Authority(call.caller), _user(call), always=body.always)
    return json_answer(200, wire.Caution(always=always))


async def link(call: Call) -> Answer:
    """Answer `POST /v1/users/{userId}/account-links`."""
    token = call.header(USER_TOKEN, maximum=MAX_USER_TOKEN)

    async def verb(services: Services) -> Written[CreatedLink]:
        return await make_account_link(services, call.caller, _user(call), user_token=token)

    def render(written: Written[CreatedLink]) -> Answer:
        made = written.value
        shown = wire.AccountLink(account_uri=made.uri, link=made.secret, expires_at=made.expires_at, enrols=made.enrols)
        return json_answer(201, shown)

    return await once(call, verb, render)


def factor_view(view: FactorView) -> wire.Factor:
    """*view* on the wire."""
    return wire.Factor(
        factor_id=view.id,
        method=view.method.value,
        level=view.level.wire,
        name=view.name,
        created_at=view.created_at,
        usable_from=view.usable_from,
        last_used_at=view.last_used_at,
        disabled=view.disabled,
        codes_left=view.codes_left,
        synced=view.synced,
        address=view.address,
        restricted=view.restricted,
    )


def _user(call: Call) -> UserId:
    return user_id(call.parameters["userId"])


def _id(call: Call) -> str:
    # An id of a wrong form is one that does not exist: unknown and foreign ids answer alike.
    text = call.parameters["factorId"]
    if len(text) > _MAX_ID or not text.isascii():
        raise NotFoundError
    return text
