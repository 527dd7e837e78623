"""The challenge page without scripts: codes, approvals, refusals, every state (semantics §7; attacks 9, 14, 16, 24)."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.pages.bank import BACK, Bank
from tests.pages.browsing import Visitor

from stairgate.model.protection import Device, Level, Method, Requirement


def test_begun_in_a_browser_finished_on_a_phone(bank: Bank) -> None:
    """§7.2: the number that the app shows, typed on the page, elevates the token that asked at once."""
    user = bank.customer()
    it = bank.ask(user, device="Firefox on Linux, near Zürich")
    phone = Visitor()
    seen = phone.go(it.page)
    assert seen.status == 200
    assert urlsplit(seen.url).query == ""  # the secret is out of the address
    for told in (
        user,
        f"accounts/{user}",
        "payout",
        "Bank app",
        "Firefox on Linux, near Zürich",
        "reported by the app",
    ):
        assert told in seen.words, told
    assert it.number not in seen.text
    done = phone.submit(seen, "answer", code=bank.code(user), number=it.number)
    assert (done.status, "Done" in done.words) == (200, True)
    assert it.elevated
    assert not bank.may(user, bank.world.token(user), it.resource)


def test_a_mailed_page_that_the_victim_answers_never_elevates_the_attackers_token(bank: Bank) -> None:
    """Attack 9, as the victim sees it: with her code and without the number nothing happens; she can stop it all."""
    user = bank.customer()
    stolen = bank.world.token(user)
    it = bank.ask(user, token=stolen)
    victim = Visitor()
    seen = victim.go(it.page)
    refused = victim.submit(seen, "answer", code=bank.code(user))
    assert "Type the number that the app shows" in refused.words
    guessed = f"{(int(it.number) + 1) % 10_000:04}"
    refused = victim.submit(refused, "answer", code=bank.code(user), number=guessed)
    assert "That did not fit" in refused.words
    assert not it.elevated
    stopped = victim.submit(refused, "decline", 1)
    assert "can ask for nothing more" in stopped.words
    assert it.state == "declined"
    assert it.report() == "ChallengeBarred"


def test_the_answering_browser_carries_the_code_back_and_the_attacker_never_sees_it(bank: Bank) -> None:
    user = bank.customer()
    it = bank.ask(user, return_uri=BACK, state="tab 7")
    browser, attacker = Visitor(), Visitor()
    seen = browser.go(it.page)
    assert "form-action 'self' https://shop.example;" in (seen.header("content-security-policy") or "")
    back = browser.submit(seen, "answer", code=bank.code(user))
    assert back.status == 303
    target = urlsplit(back.header("location") or "")
    query = parse_qs(target.query)
    assert (f"{target.scheme}://{target.netloc}{target.path}", query["state"]) == (BACK, ["tab 7"])
    assert it.state == "proven"
    assert not it.elevated
    watching = attacker.go(it.page)
    assert "Almost done" in watching.words
    assert query["code"][0] not in watching.text
    assert it.report(query["code"][0], token=bank.world.token(user)) == "NotFound"  # the wrong login
    assert it.report(query["code"][0]) == "elevated"
    assert it.elevated


def test_the_same_device_is_asked_for_no_number(bank: Bank) -> None:
    user = bank.customer(requirement=Requirement(level=Level.BASIC, device=Device.SAME))
    it = bank.ask(user, return_uri=BACK)
    browser = Visitor()
    seen = browser.go(it.page)
    assert "Number that the app shows" not in seen.words
    code = parse_qs(urlsplit(browser.submit(seen, "answer", code=bank.code(user)).header("location") or "").query)
    assert it.report(code["code"][0]) == "elevated"


def test_a_code_is_sent_to_the_address_that_was_chosen(bank: Bank) -> None:
    """§7.4, NIST-2: it names the access, is good for it alone, and is told where it went, masked."""
    user = bank.customer(totp=False)
    bank.address(user, Method.EMAIL, "first@example.org")
    bank.address(user, Method.EMAIL, "second@example.org")
    it = bank.ask(user)
    phone = Visitor("de")
    seen = phone.go(it.page)
    assert "f…@example.org" in seen.words
    assert "first@example.org" not in seen.text
    choices = {shown: id_ for id_, shown in re.findall(r'name="to" value="([^"]+)"[^>]*> <bdi>(.)', seen.text)}
    assert set(choices) == {"f", "s"}
    seen = phone.submit(seen, "code", to=choices["s"])
    message = bank.world.outbox.sent[-1]
    assert (message.recipient, "ist Ihr Code" in message.text) == ("second@example.org", True)
    assert "s…@example.org" in seen.words
    again = phone.submit(seen, "code")
    assert "Gerade wurde ein Code gesendet" in again.words
    done = phone.submit(seen, "answer", code=bank.world.outbox.code(), number=it.number)
    assert "Fertig" in done.words
    assert it.elevated


def test_without_scripts_another_code_is_always_offered_and_the_page_says_from_when(bank: Bank) -> None:
    """NIST-8: the page tells the wait that the server holds everybody to."""
    user = bank.customer()
    bank.address(user, Method.EMAIL, "ann@example.org")
    visitor = Visitor()
    seen = visitor.submit(visitor.go(visitor.go(bank.ask(user).page).url + "?way=email"), "code")
    assert "You can send another code in 30 seconds." in seen.words
    bank.world.clock.advance(12)
    seen = visitor.go(seen.url)
    assert "You can send another code in 18 seconds." in seen.words
    assert "A code was sent a moment ago" in visitor.submit(seen, "code").words
    bank.world.clock.advance(18)
    seen = visitor.go(seen.url)
    assert "You can send another code" not in seen.words
    assert "You can send another code in 1 minute." in visitor.submit(seen, "code").words


def test_only_this_once(bank: Bank) -> None:
    user = bank.customer()
    it = bank.ask(user)
    phone = Visitor()
    phone.submit(phone.go(it.page), "answer", code=bank.code(user), number=it.number, once="yes")
    assert [it.elevated, it.elevated] == [True, False]


def test_declining_is_as_prominent_as_agreeing_and_ends_it(bank: Bank) -> None:
    user = bank.customer()
    it = bank.ask(user)
    visitor = Visitor()
    seen = visitor.submit(visitor.go(it.page), "decline")
    assert "Not allowed" in seen.words
    assert it.state == "declined"
    again = bank.ask(user, return_uri=BACK)
    back = visitor.submit(visitor.go(again.page), "decline")
    location = urlsplit(back.header("location") or "")
    assert (location.netloc, parse_qs(location.query)) == ("shop.example", {"challengeId": [again.id]})


def test_not_me_works_after_the_end_and_ends_what_the_token_was_given(bank: Bank) -> None:
    """§7.7: in every state."""
    user = bank.customer()
    it = bank.ask(user)
    phone = Visitor()
    done = phone.submit(phone.go(it.page), "answer", code=bank.code(user), number=it.number)
    before = it.elevated
    stopped = phone.submit(done, "decline")
    assert stopped.status == 200
    assert [before, it.elevated] == [True, False]
    assert it.report() == "ChallengeBarred"


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("expired", "Too late"),
        ("superseded", "Something has changed"),
        ("cancelled", "Taken back"),
        ("locked", "Too many wrong answers"),
    ],
)
def test_each_end_says_what_happened_and_what_next(bank: Bank, end: str, words: str) -> None:
    user = bank.customer()
    token = bank.world.token(user)
    it = bank.ask(user, token=token)
    visitor = Visitor()
    seen = visitor.go(it.page)
    if end == "expired":
        bank.world.clock.advance(600)
    elif end == "superseded":
        bank.do(bank.world.protect(f"accounts/{user}", ("payout", Requirement(level=Level.BASIC, lifetime=60))))
        bank.ask(user, token=token)
    elif end == "cancelled":
        from stairgate.service.cancel_challenge import cancel_challenge

        bank.do(cancel_challenge(bank.world.services, bank.shop, it.id))
    else:
        for _ in range(5):
            visitor.submit(seen, "answer", code="000000", number="0000x")
    ended = visitor.submit(seen, "answer", code=bank.code(user), number=it.number)
    assert it.state == end
    assert words in ended.words
    assert "This was not me" in ended.words
    assert not it.elevated


def test_few_attempts_are_told_and_a_reload_counts_nothing(bank: Bank) -> None:
    user = bank.customer()
    it = bank.ask(user)
    visitor = Visitor()
    seen = visitor.go(it.page)
    for left in (4, 3, 2, 1):
        seen = visitor.submit(seen, "answer", code="123456", number="none")
        assert ("left" in seen.words) == (left <= 2)
        assert visitor.go(seen.url).words == seen.words
    assert it.state == "open"


def test_no_way_to_confirm_is_its_own_screen(bank: Bank) -> None:
    """§7.6: never a pass. Here the app could attest, which no page can."""
    user = bank.customer(totp=False)
    it = bank.ask(user)
    seen = Visitor().go(it.page)
    assert "You cannot confirm this here" in seen.words
    assert "answer" not in seen.text.split("<main")[1].split("decline")[0]


def test_where_nothing_can_be_confirmed_a_link_leads_back_to_the_app(bank: Bank) -> None:
    it = bank.ask(bank.customer(totp=False), return_uri=BACK, state="s1")
    seen = Visitor().go(it.page)
    assert f'href="{BACK}?challengeId={it.id}&amp;state=s1">Back to the app' in seen.text
    assert "Back to the app" not in Visitor().go(bank.ask(bank.customer(totp=False)).page).words


def test_a_weaker_way_is_not_offered_and_not_taken(bank: Bank) -> None:
    """Attack 14: no parameter of the page chooses what the policy does not."""
    user = bank.customer(requirement=Requirement(level=Level.BASIC, methods=frozenset({Method.TOTP})))
    it = bank.ask(user)
    visitor = Visitor()
    seen = visitor.go(it.page)
    assert visitor.go(f"{seen.url}?way=email").words == seen.words
    for method in ("email", "recovery", "external", "approval", "nothing"):
        refused = visitor.submit(seen, "answer", method=method, code="12345678", number=it.number)
        assert refused.status in {200, 400}
    assert it.state == "open"
    assert "Done" in visitor.submit(seen, "answer", code=bank.code(user), number=it.number).words


def test_another_user_cannot_finish_it(bank: Bank) -> None:
    """Attack 1, wrong account: the page names the account, and a code of somebody else's does not fit."""
    user, other = bank.customer(), bank.customer()
    it = bank.ask(user)
    visitor = Visitor()
    refused = visitor.submit(visitor.go(it.page), "answer", code=bank.code(other), number=it.number)
    assert "That did not fit" in refused.words
    assert not it.elevated


HOSTILE = {
    "markup": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "quotes": "\"'><svg onload=alert(1)>",
    "bidi": "pay \u202e001\u202c to \u2066x\u2069",
    "invisible": "a\u200bb\u00adc\ufeffd",
    "control": "a\x00b\x1bc\x7f",
    "accents": "z" + "\u0301" * 40,
    "template": "{{ 71*71*71 }}{% raw %}",
    "alike": "p\u0430ypal.example",
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_others_wrote_renders_inert(bank: Bank, case: str) -> None:
    """Attack 16."""
    user = bank.customer(requirement=Requirement(level=Level.BASIC, bind=frozenset({"to", "amount"})))
    text = HOSTILE[case]
    it = bank.ask(user, context={"to": text, "amount": "1" * 60 + ".00"}, device=text)
    seen = Visitor().go(it.page)
    assert seen.status == 200
    assert "<script>alert" not in seen.text
    assert "<img" not in seen.text
    assert "<svg onload" not in seen.text
    assert not any(character in seen.text for character in "\u202e\u202c\u2066\u2069\u200b\u00ad\ufeff\x00\x1b\x7f")
    assert "\u0301" * 4 not in seen.text
    assert "357911" not in seen.words
    assert "1" * 60 + ".00" in seen.words  # an amount is never cut
    assert ("mixes letters" in seen.words) == (case == "alike")


def test_a_long_value_is_cut_in_the_middle_and_whole_below(bank: Bank) -> None:
    user = bank.customer(requirement=Requirement(level=Level.BASIC, bind=frozenset({"to"})))
    long = "begin-" + "x" * 300 + "-end"
    seen = Visitor().go(bank.ask(user, context={"to": long}).page)
    cut, whole = seen.words.split("Full details")
    assert "begin-" in cut
    assert "-end" in cut
    assert long not in cut
    assert long in whole


# --- attack 24, the page secret, header fields


def test_the_secret_goes_into_a_cookie_of_this_challenge_and_out_of_the_address(bank: Bank) -> None:
    """§7.8."""
    user = bank.customer()
    first, second = bank.ask(user), bank.ask(user, below="/second")
    visitor = Visitor()
    entered = visitor.send("GET", first.page)
    assert (entered.status, entered.header("location")) == (303, f"/step-up/{first.id}")
    cookie = entered.header("set-cookie") or ""
    for part in ("HttpOnly", "SameSite=Lax", f"Path=/step-up/{first.id}"):  # `__Host-` with https: see test_cookies
        assert part in cookie
    visitor.go(second.page)
    assert len(visitor.cookies) == 2
    assert visitor.go(f"{bank.url}/step-up/{first.id}").status == 200
    for url in (first.page, f"{bank.url}/step-up/{first.id}", f"{bank.url}/step-up/{first.id}?way=totp"):
        seen = visitor.send("GET", url)
        assert seen.header("referrer-policy") == "no-referrer"
        assert seen.header("cache-control") == "no-store"


def test_without_the_secret_there_is_nothing(bank: Bank) -> None:
    user = bank.customer()
    it, other = bank.ask(user), bank.ask(user, below="/other")
    stranger = Visitor()
    form = Visitor().go(it.page).form("answer")
    wrong = f"{bank.url}/step-up/{it.id}?key=d1.x.y"
    told = set()
    for url in (f"{bank.url}/step-up/{it.id}", f"{bank.url}/step-up/unknown", wrong, f"{bank.url}/step-up/%00"):
        seen = stranger.send("GET", url)
        told.add((seen.status, seen.words.partition("Reference")[0]))
    assert [status for status, _ in told] == [404]
    stranger.cookies[f"stairgate-{it.id}"] = parse_qs(urlsplit(other.page).query)["key"][0]
    for verb in ("answer", "decline", "code", "options"):
        assert stranger.send("POST", f"{bank.url}/step-up/{it.id}/{verb}", form).status == 404
    for verb in ("state", "events"):
        assert stranger.send("GET", f"{bank.url}/step-up/{it.id}/{verb}").status == 404
    assert it.state == "open"


@pytest.mark.parametrize(
    "attack",
    [
        {"token": ""},
        {"token": "d1.x.y"},
        {"headers": {"Origin": "https://evil.example"}},
        {"headers": {"Sec-Fetch-Site": "cross-site"}},
        {"headers": {"Sec-Fetch-Site": "same-site"}},
        {"headers": {"Content-Type": "text/plain"}},
        {"headers": {"Content-Type": "application/json"}},
    ],
    ids=str,
)
def test_a_form_of_another_site_is_refused(bank: Bank, attack: dict[str, object]) -> None:
    """Attack 24."""
    user = bank.customer()
    it = bank.ask(user)
    visitor = Visitor()
    seen = visitor.go(it.page)
    form = dict(seen.form("decline"))
    if "token" in attack:
        form["form"] = str(attack["token"])
    headers = attack.get("headers")
    assert isinstance(headers, dict | None)
    refused = visitor.send("POST", f"{seen.url}/decline", form, headers)
    assert refused.status in {400, 404}
    assert it.state == "open"


def test_get_changes_nothing(bank: Bank) -> None:
    user = bank.customer()
    it = bank.ask(user)
    visitor = Visitor()
    seen = visitor.go(it.page)
    for verb in ("answer", "decline", "code", "options"):
        refused = visitor.send("GET", f"{seen.url}/{verb}")
        assert (refused.status, refused.header("allow")) == (405, "POST")
    assert visitor.send("POST", seen.url, seen.form("decline")).status == 405
    assert it.state == "open"


def test_every_answer_has_the_header_fields_of_a_page(bank: Bank) -> None:
    user = bank.customer()
    visitor = Visitor()
    seen = visitor.go(bank.ask(user).page)
    asset = seen.text.partition('href="')[2].partition('"')[0]
    for answered in (
        seen,
        visitor.send("GET", f"{bank.url}/step-up/nothing"),
        visitor.send("GET", f"{bank.url}/step-up/nothing/answer"),
        visitor.send("POST", f"{seen.url}/decline", {}),
        visitor.send("GET", f"{bank.url}{asset}"),
        visitor.send("GET", f"{bank.url}/pages/x/y"),
    ):
        policy = answered.header("content-security-policy") or ""
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answered.header("x-content-type-options") == "nosniff"
        assert answered.header("x-frame-options") == "DENY"
        assert answered.header("referrer-policy") == "no-referrer"
    assert visitor.send("GET", f"{bank.url}{asset}").header("cache-control") == "public, max-age=31536000, immutable"


def test_logs_hold_route_patterns_only(bank: Bank) -> None:
    user = bank.customer()
    it = bank.ask(user)
    bank.instruments.requests.clear()
    visitor = Visitor()
    visitor.submit(visitor.go(it.page), "answer", code="1", number="1")
    told = str(bank.instruments.requests)
    assert "/step-up/{challengeId}/answer" in told
    assert it.id not in told


def test_a_form_is_bounded(bank: Bank) -> None:
    user = bank.customer()
    it = bank.ask(user)
    visitor = Visitor()
    seen = visitor.go(it.page)
    form = seen.form("answer")
    assert visitor.send("POST", f"{seen.url}/answer", {**form, "code": "1" * 20_000}).status == 413
    many = {**form, **{f"field{number}": "" for number in range(50)}}
    assert visitor.send("POST", f"{seen.url}/answer", many).status == 400
    assert visitor.submit(seen, "answer", code="1" * 1_000, number="2" * 1_000).status == 200
    assert it.state == "open"
