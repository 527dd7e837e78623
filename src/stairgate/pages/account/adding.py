"""
Add a factor on the account page: begin it, then confirm that it works (semantics §7.6).

What is shown once, a new app's secret and recovery codes, is shown in the answer to the POST itself. No address has it,
no cache keeps it, and nothing shows it again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlencode

from stairgate.model.canonical import read_json
from stairgate.model.errors import (
    AlreadyExistsError,
    DomainError,
    InvalidInputError,
    NotFoundError,
    WrongAnswerError,
)
from stairgate.model.ids import EnrolmentId
from stairgate.model.protection import Method
from stairgate.pages.account.problems import NOTHING_TOLD, Told, problem_of, telling
from stairgate.pages.account.step_up import Wish, refusal_of, way_of
from stairgate.pages.account.visit import Verbs, Visit
from stairgate.pages.http import Page
from stairgate.service.account_factors import list_session_factors
from stairgate.service.account_links import ACCOUNT_PATH
from stairgate.service.confirm_enrolment import ConfirmCall, confirm_enrolment
from stairgate.service.enrolment import BeginCall, Begun, enrolled_here
from stairgate.service.session_factors import begin_session_enrolment, pending_enrolment

_JSON = b"application/json"
_MAX_TYPED = 64


def _way(visit: Visit) -> Method:
    method = way_of(visit.field("way"))
    if method not in enrolled_here(visit.services):
        raise NotFoundError
    return method


def _wish(method: Method) -> Wish:
    return Wish("add", method.value)


async def show(visit: Visit) -> Page:
    """Answer `GET /account/add?way=…`."""
    wish = _wish(_way(visit))
    factors = await list_session_factors(visit.services, visit.session)
    replaced = next((each for each in factors if each.method.value == wish.of == Method.RECOVERY.value), None)
    shown = {"wish": wish, "factors": factors, "replaced": replaced, "refusal": await refusal_of(visit, wish)}
    return visit.rendered("add", shown)


async def begin(visit: Visit) -> Page:
    """Answer `POST /account/add`."""
    method = _way(visit)
    try:
        begun = await _begun(visit, method)
    except NotFoundError:
        raise
    except DomainError as error:
        return visit.back(_problem(error), to=_wish(method).address)
    if method is Method.RECOVERY:
        return visit.rendered("codes", {"codes": begun.codes})
    if method is Method.TOTP:
        return visit.rendered("scan", {"begun": begun, "groups": _groups(begun.secret or "")})
    return visit.back(to=_confirming(begun.enrolment or EnrolmentId("")))


async def options(visit: Visit) -> Page:
    """Answer `POST /account/options`: what a new passkey is made with, for the script."""
    try:
        begun = await _begun(visit, Method.PASSKEY)
    except NotFoundError:
        raise
    except DomainError as error:
        address = telling(_wish(Method.PASSKEY).address, _problem(error))
        return Page(409, json.dumps({"address": address}).encode(), _JSON)
    public_key = dict(begun.public_key or {})
    return Page(200, json.dumps({"enrolment": begun.enrolment, "publicKey": public_key}).encode(), _JSON)


async def _begun(visit: Visit, method: Method) -> Begun:
    address = visit.field("address").strip() if method in {Method.EMAIL, Method.SMS} else None
    call = BeginCall(method, name=visit.field("name").strip(), address=address, locale=visit.language.tag)
    return await begin_session_enrolment(visit.services, visit.session, call)


def _problem(error: DomainError) -> Told:
    """What is told of *error*; what the page finds out by itself when it is shown is not told twice."""
    problem = problem_of(error)
    if problem is None:
        raise error
    return NOTHING_TOLD if problem.problem in {"first", "app", "full"} else problem


def _groups(secret: str) -> list[str]:
    return [secret[at : at + 4] for at in range(0, len(secret), 4)]


def _confirming(enrolment: str) -> str:
    return f"{ACCOUNT_PATH}/confirm?{urlencode({'enrolment': enrolment})}"


async def show_confirm(visit: Visit) -> Page:
    """Answer `GET /account/confirm?enrolment=…`: where the code is typed."""
    try:
        pending = await pending_enrolment(visit.services, visit.session, EnrolmentId(visit.field("enrolment")))
    except NotFoundError:
        return visit.back(Told("gone"))
    return visit.rendered("confirm", {"pending": pending})


async def confirm(visit: Visit) -> Page:
    """Answer `POST /account/confirm`: prove once that it works, and it is the user's."""
    method, enrolment = _way(visit), EnrolmentId(visit.field("enrolment"))
    services, session = visit.services, visit.session
    try:
        call = _confirm_call(visit.request.form, method)
        await confirm_enrolment(services, session.authority, session.user, enrolment, call)
    except DomainError as error:
        return _unconfirmed(visit, error, method, enrolment)
    return visit.back(Told(done="added"))


def _unconfirmed(visit: Visit, error: DomainError, method: Method, enrolment: EnrolmentId) -> Page:
    problem, again = problem_of(error), _wish(method).address
    if problem is None:
        raise error
    match error:
        case WrongAnswerError() if method is Method.PASSKEY:
            return visit.back(Told("device"), to=again)
        case WrongAnswerError() if error.details["attemptsLeft"] == 0:
            return visit.back(Told("spent"), to=again)
        case WrongAnswerError() | InvalidInputError() if method is not Method.PASSKEY:
            return visit.back(problem, to=_confirming(enrolment))
        case AlreadyExistsError() | NotFoundError() | InvalidInputError():
            return visit.back(problem, to=again)
        case _:
            return visit.back(problem)


def _confirm_call(form: Mapping[str, str], method: Method) -> ConfirmCall:
    if method is not Method.PASSKEY:
        code = form.get("code", "").replace("-", "").strip()[:_MAX_TYPED]
        return ConfirmCall(code=code or None)
    text = form.get("credential", "")
    credential = read_json(text, field="credential") if text else None
    if not isinstance(credential, dict):
        raise InvalidInputError("credential", "must be an object")
    return ConfirmCall(credential=dict(credential))


VERBS: Verbs = {
    ("GET", "add"): show,
    ("POST", "add"): begin,
    ("POST", "options"): options,
    ("GET", "confirm"): show_confirm,
    ("POST", "confirm"): confirm,
}
