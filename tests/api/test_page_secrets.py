"""What a page can do over the API, and what only the opener can: match code and return code (semantics §7.2, §7.8)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.api.door import Answered, Door

from stairgate.model.ids import ClientId
from stairgate.model.protection import Device, Level, Requirement
from stairgate.service.pages import page_origin

pytestmark = pytest.mark.anyio

RIGHTS = (("Authress:StepUp", "StepUp"),)
BACK = "https://shop.example/back?from=stairgate"
SECRET = "key"


@pytest.fixture
async def bank(door: Door) -> Door:
    """Ann has a totp and may pay out after a step-up; `sc_shop` opens challenges and may have browsers sent back."""
    await door.world.grant("ann", "accounts", "payout")
    await door.world.protect("accounts", ("payout", Requirement(level=Level.BASIC)))
    await door.world.enrol("ann")
    await door.service("shop", *RIGHTS)

    def run(transaction: Any) -> None:
        client = transaction.client(ClientId("sc_shop"))
        transaction.put_client(replace(client, return_uris=(BACK,)))

    await door.world.services.store.write(run)
    return door


class Opened:
    """A challenge that the shop opened for a login of Ann's, and the page of it."""

    def __init__(self, bank: Door, token: str, challenge_token: str, view: dict[str, Any]) -> None:
        self.bank, self.token, self.challenge_token, self.view = bank, token, challenge_token, view
        self.id = view["challengeId"]
        self.secret = parse_qs(urlsplit(view["pageUri"]).query)[SECRET][0] if "pageUri" in view else ""

    async def page(self, verb: str, body: object, *, secret: str | None = None) -> Answered:
        fields = [(b"stairgate-page-secret", (self.secret if secret is None else secret).encode())]
        return await self.bank.call("POST", f"/v1/challenges/{self.id}/{verb}", body, headers=fields)

    async def answer(self, code: str | None = None, **more: Any) -> Answered:
        right = self.bank.world.code("ann") if code is None else code
        return await self.page("answer", {"method": "totp", "code": right, **more})

    async def check(self, token: str | None = None) -> int:
        bearer = token or self.token
        return (await self.bank.check(bearer, "ann", "payout", "accounts/1")).status

    async def report(self, **more: Any) -> Answered:
        body = {"stepUpChallengeToken": self.challenge_token, **more}
        fields = [(b"stairgate-user-token", self.token.encode())]
        return await self.bank.call("POST", "/v1/step-up", body, bearer=shop(self.bank), headers=fields)

    async def state(self) -> str:
        return str((await self.bank.call("GET", f"/v1/challenges/{self.id}", bearer=self.token)).json["state"])


def shop(bank: Door) -> str:
    return bank.world.assertion(ClientId("sc_shop"))


async def opened(bank: Door, token: str | None = None, **members: Any) -> Opened:
    token = token or bank.world.token("ann")
    challenge_token = await bank.challenge_token(shop(bank), "ann", "payout", "accounts/1", token=token)
    body = {"stepUpChallengeToken": challenge_token, **members}
    answered = await bank.call("POST", "/v1/challenges", body, bearer=shop(bank))
    assert answered.status == 201, answered
    return Opened(bank, token, challenge_token, answered.json)


async def test_the_match_code_makes_an_answer_on_another_device_count_at_once(bank: Door) -> None:
    """§7.2: begun in a browser, finished on a phone, and the browser's token is elevated without a further step."""
    it = await opened(bank, device="Firefox on Linux, near Zürich", locale="de-CH")
    assert it.view["pageUri"].startswith(f"{page_origin(bank.world.services)}/step-up/{it.id}?")
    assert len(it.view["matchCode"]) == 4
    answered = await it.answer(matchCode=it.view["matchCode"])
    assert (answered.status, answered.json["state"]) == (200, "satisfied")
    assert await it.check() == 200
    assert await it.check(bank.world.token("ann")) == 403  # nobody else's token, not even of the same user


async def test_a_mailed_page_that_the_victim_answers_never_elevates_the_attackers_token(bank: Door) -> None:
    """Attack 9: the attacker, with a stolen token of Ann's, sends her the page; she has everything but the number."""
    stolen = bank.world.token("ann")
    it = await opened(bank, stolen)
    without = await it.answer()
    assert (without.status, without.json["field"]) == (400, "matchCode")
    guessed = await it.answer(matchCode=f"{(int(it.view['matchCode']) + 1) % 10_000:04}")
    assert (guessed.status, guessed.code, guessed.json["attemptsLeft"]) == (422, "WrongAnswer", 4)
    assert await it.check() == 403
    # The other way: the code goes with her browser to the registered app, which has her login and not the stolen one.
    back = await opened(bank, stolen, returnUri=BACK, state="s-1")
    proven = await back.answer(bank.world.code("ann"))
    assert (proven.status, proven.json["state"]) == (200, "proven")
    code = parse_qs(urlsplit(proven.json["returnTo"]).query)["code"][0]
    assert await back.check() == 403
    assert (await back.report()).code == "StepUpChallengePending"  # what the attacker can do without the code
    hers = Opened(bank, bank.world.token("ann"), back.challenge_token, back.view)
    assert (await hers.report(code=code)).status == 404
    assert await back.check() == 403
    assert (await back.page("decline", {"notMe": True})).status == 200
    assert (await back.report(code=code)).code == "ChallengeBarred"


async def test_the_return_code_comes_back_by_the_same_browser_once(bank: Door) -> None:
    it = await opened(bank, returnUri=BACK, state="täg 1")
    answered = await it.answer()
    assert (answered.status, answered.json["state"], answered.json["elevationId"]) == (200, "proven", None)
    returned = urlsplit(answered.json["returnTo"])
    assert answered.json["returnTo"].startswith("https://shop.example/back?from=stairgate&")
    query = parse_qs(returned.query)
    assert (query["challengeId"], query["state"], query["from"]) == ([it.id], ["täg 1"], ["stairgate"])
    code = query["code"][0]
    assert await it.check() == 403
    assert (await it.report()).code == "StepUpChallengePending"
    again = await it.answer()
    assert (again.status, again.code, again.json["state"]) == (409, "ChallengeEnded", "proven")
    seen = await bank.call("GET", f"/v1/challenges/{it.id}", headers=[(b"stairgate-page-secret", it.secret.encode())])
    assert "returnTo" not in seen.json  # whoever else has the page never gets the code

    wrong = await it.report(code="x" * 43)
    assert (wrong.status, wrong.code, wrong.json["attemptsLeft"]) == (422, "WrongAnswer", 4)
    done = await it.report(code=code)
    assert (done.status, done.json["challengeId"]) == (200, it.id)
    assert (await it.report(code=code)).json == (await it.report()).json == done.json
    assert await it.check() == 200


async def test_a_return_code_lives_a_minute_and_the_challenge_with_it(bank: Door) -> None:
    it = await opened(bank, returnUri=BACK)
    code = parse_qs(urlsplit((await it.answer()).json["returnTo"]).query)["code"][0]
    bank.world.clock.advance(60)
    late = await it.report(code=code)
    assert (late.status, late.code, late.json["state"]) == (409, "ChallengeEnded", "expired")
    assert await it.state() == "expired"
    assert await it.check() == 403


async def test_only_this_once_is_kept_from_the_proof_to_the_return(bank: Door) -> None:
    it = await opened(bank, returnUri=BACK)
    code = parse_qs(urlsplit((await it.answer(once=True)).json["returnTo"]).query)["code"][0]
    done = await it.report(code=code)
    assert (done.json["uses"], done.json["area"]["exact"]) == (1, True)


async def test_the_same_device_takes_the_return_code_and_no_match_code(bank: Door) -> None:
    """§7.2: a mark with `device: "same"`; without a `returnUri` its challenge has no page."""
    await bank.world.protect("accounts", ("payout", Requirement(level=Level.BASIC, device=Device.SAME)))
    bare = await opened(bank)
    assert not {"pageUri", "matchCode"} & set(bare.view)
    it = await opened(bank, bare.token, returnUri=BACK)
    assert it.id == bare.id  # an identical refusal shares one, and its opener said more this time
    assert "matchCode" not in it.view
    refused = await it.answer(matchCode="1234")
    assert (refused.status, refused.json["field"]) == (400, "matchCode")
    code = parse_qs(urlsplit((await it.answer()).json["returnTo"]).query)["code"][0]
    assert (await it.report(code=code)).status == 200
    assert await it.check() == 200


async def test_a_page_that_there_is_not_is_not_found(bank: Door) -> None:
    await bank.world.protect("accounts", ("payout", Requirement(level=Level.BASIC, device=Device.SAME)))
    it, other = await opened(bank), await opened(bank, returnUri=BACK)
    fields = [(b"stairgate-page-secret", other.secret.encode())]
    assert (await bank.call("GET", f"/v1/challenges/{it.id}", headers=fields)).status == 404


@pytest.mark.parametrize("secret", ["x", "d1.x.y", "x" * 200, "é", ""])
async def test_wrong_secrets_and_unknown_ids_answer_alike(bank: Door, secret: str) -> None:
    """§7.9, attack 27."""
    it, other = await opened(bank), await opened(bank)
    for wrong, id_ in ((secret, it.id), (other.secret, it.id), (it.secret, "unknown")):
        for method, path, body in (
            ("GET", "", None),
            ("GET", "/events", None),
            ("GET", "?wait=1", None),
            ("POST", "/code", {"method": "external"}),
            ("POST", "/answer", {"method": "totp", "code": "1", "matchCode": "1"}),
            ("POST", "/decline", {}),
        ):
            fields = [(b"stairgate-page-secret", wrong.encode("latin-1"))]
            answered = await bank.call(method, f"/v1/challenges/{id_}{path}", body, headers=fields)
            assert (answered.status, answered.code) == (404, "NotFound"), (method, path)
    assert (await it.answer(matchCode=it.view["matchCode"])).status == 200


async def test_a_page_secret_opens_nothing_else_and_stands_beside_no_token(bank: Door) -> None:
    it = await opened(bank)
    field = (b"stairgate-page-secret", it.secret.encode())
    for method, path in (
        ("DELETE", f"/v1/challenges/{it.id}"),
        ("GET", "/v1/users/ann/elevations"),
        ("GET", "/health/live"),
    ):
        refused = await bank.call(method, path, headers=[field])
        assert (refused.status, refused.json["field"]) == (400, "Stairgate-Page-Secret"), path
    refused = await bank.call("GET", f"/v1/challenges/{it.id}", bearer=it.token, headers=[field])
    assert (refused.status, refused.json["field"]) == (400, "Stairgate-Page-Secret")
    assert (await it.page("code", {"method": "external"})).status == 403
    assert (await it.page("answer", {"method": "external", "code": "1", "matchCode": "1"})).status == 403


async def test_a_page_reads_the_challenge_and_never_the_match_code(bank: Door) -> None:
    it = await opened(bank)
    seen = await bank.call("GET", f"/v1/challenges/{it.id}", headers=[(b"stairgate-page-secret", it.secret.encode())])
    assert (seen.status, seen.json["methods"]) == (200, ["totp"])  # nobody attests on a page
    assert not {"pageUri", "matchCode"} & set(seen.json)
    for bearer in (it.token, shop(bank)):
        read = await bank.call("GET", f"/v1/challenges/{it.id}", bearer=bearer)
        assert not {"pageUri", "matchCode"} & set(read.json)


async def test_only_the_opener_is_given_the_page_and_the_number_and_a_repeat_gives_both_again(bank: Door) -> None:
    it = await opened(bank)
    body = {"stepUpChallengeToken": it.challenge_token}
    assert (await bank.call("POST", "/v1/challenges", body, bearer=shop(bank))).json == it.view
    joined = await bank.call("POST", "/v1/challenges", body, bearer=it.token)  # the named token did not open it
    assert (joined.status, joined.json["challengeId"]) == (201, it.id)
    assert not {"pageUri", "matchCode"} & set(joined.json)


async def test_answers_by_page_secret_alone_do_not_count_against_the_token(bank: Door) -> None:
    """§7.4: a stranger with the page cannot bar the login; the challenge locks, and the factor counts."""
    token = bank.world.token("ann")
    for _ in range(3):
        it = await opened(bank, token)
        for left in (4, 3, 2, 1, 0):
            assert (await it.answer(matchCode="wrong")).json["attemptsLeft"] == left
        assert await it.state() == "locked"
        assert (await it.answer(matchCode=it.view["matchCode"])).json["state"] == "locked"
    it = await opened(bank, token)
    assert (await it.answer(matchCode=it.view["matchCode"])).status == 200  # and no factor was asked in vain


async def test_a_wrong_number_and_a_wrong_code_answer_alike(bank: Door) -> None:
    it = await opened(bank)
    number = await it.answer(matchCode="")
    assert number.status == 400
    number = await it.answer(matchCode="99999")
    code = await it.answer("00000000", matchCode=it.view["matchCode"])
    same = ("title", "errorCode")
    assert [number.json[name] for name in same] == [code.json[name] for name in same]


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"returnUri": "https://shop.example/back"}, "returnUri"),
        ({"returnUri": BACK + "&x=1"}, "returnUri"),
        ({"returnUri": "javascript:alert(1)"}, "returnUri"),
        ({"state": "s"}, "state"),
        ({"returnUri": BACK, "state": "a\nb"}, "state"),
        ({"returnUri": BACK, "state": ""}, "state"),
        ({"device": ""}, "device"),
        ({"device": "x" * 201}, "device"),
        ({"locale": "not a language"}, "locale"),
    ],
)
async def test_what_the_opener_says_is_bounded_and_the_way_back_is_registered(
    bank: Door, members: dict[str, Any], field: str
) -> None:
    challenge_token = await bank.challenge_token(
        shop(bank), "ann", "payout", "accounts/1", token=bank.world.token("ann")
    )
    body = {"stepUpChallengeToken": challenge_token, **members}
    refused = await bank.call("POST", "/v1/challenges", body, bearer=shop(bank))
    assert (refused.status, refused.json["field"]) == (400, field)


async def test_the_log_of_the_chain_has_neither_secret_nor_codes(bank: Door) -> None:
    """§12."""
    it = await opened(bank, returnUri=BACK, state="private-state")
    code = parse_qs(urlsplit((await it.answer()).json["returnTo"]).query)["code"][0]
    await it.report(code=code)
    entries = await bank.world.services.store.read(lambda transaction: transaction.audit_entries())
    assert [entry.event for entry in entries][-3:] == ["challenge.proven", "challenge.ended", "elevation.issued"]
    text = "".join(entry.facts for entry in entries)
    for secret in (it.secret, code, "private-state"):
        assert secret not in text
