"""The account page without scripts: its link, what it shows, what it ends (semantics §7.6, §8; attack 24)."""

from __future__ import annotations

import pytest
from tests.pages.bank import BACK, Asked, Bank
from tests.pages.browsing import Seen, Visitor, forms

from stairgate.model.canonical import JsonValue
from stairgate.model.protection import Level, Requirement


def entered(bank: Bank, user: str, *, token: str | None = None) -> tuple[Visitor, Seen]:
    visitor = Visitor()
    return visitor, visitor.submit(visitor.go(bank.account_link(user, token=token)), "enter")


def test_a_link_is_used_by_the_button_alone_once_and_leaves_the_address(bank: Bank) -> None:
    """What fetches addresses in mails does not use it up; somebody who finds it later is told so in plain words."""
    link = bank.account_link(bank.customer())
    visitor, late = Visitor(), Visitor()
    visitor.go(link)
    seen = visitor.go(link)
    assert "Open your account" in seen.words
    assert visitor.cookies == {}
    answer = visitor.send("POST", f"{bank.url}/account/enter", seen.form("enter"))
    assert (answer.status, answer.header("location")) == (303, "/account")
    cookie = answer.header("set-cookie") or ""
    assert all(part in cookie for part in ("stairgate-account=", "Path=/;", "HttpOnly", "SameSite=Lax"))
    assert visitor.go(f"{bank.url}/account").status == 200
    refused = late.submit(late.go(link), "enter")
    assert (refused.status, "used already" in refused.words) == (404, True)
    assert late.cookies == {}
    assert "This page is closed" in late.go(f"{bank.url}/account").words


def test_it_shows_factors_and_what_is_allowed_and_ends_it(bank: Bank) -> None:
    """§8: once the page has answered, no check is allowed by what was ended."""
    user = bank.customer()
    it = bank.ask(user)
    phone = Visitor()
    phone.submit(phone.go(it.page), "answer", code=bank.code(user), number=it.number)
    assert it.elevated
    visitor, seen = entered(bank, user, token=it.token)
    assert "Code from your authenticator app" in seen.words
    assert it.resource in seen.words
    assert {"no-store", "DENY"} <= {value for _, value in seen.headers}
    ended = visitor.submit(seen, "end")
    assert "Nothing is allowed at the moment" in ended.words
    assert not it.elevated


def test_without_a_login_it_shows_factors_only_and_ends_nothing(bank: Bank) -> None:
    user = bank.customer()
    it = bank.ask(user)
    phone = Visitor()
    phone.submit(phone.go(it.page), "answer", code=bank.code(user), number=it.number)
    _, seen = entered(bank, user)
    assert "Code from your authenticator app" in seen.words
    assert it.resource not in seen.text
    assert "open your account from an app" in seen.words


def test_a_form_of_another_site_does_nothing(bank: Bank) -> None:
    """Attack 24: neither the exchange of a link nor an end, with the cookie and all."""
    user = bank.customer()
    it = bank.ask(user)
    phone = Visitor()
    phone.submit(phone.go(it.page), "answer", code=bank.code(user), number=it.number)
    visitor, seen = entered(bank, user, token=it.token)
    form, url = seen.form("end"), f"{bank.url}/account/end"
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    assert visitor.send("POST", url, {**form, "form": "x"}).status == 404
    assert visitor.send("POST", url, {key: value for key, value in form.items() if key != "form"}).status == 404
    assert visitor.send("POST", url, form, foreign).status == 404
    assert visitor.send("GET", url).status == 405
    assert Visitor().send("POST", url, form).status == 404
    link = visitor.go(bank.account_link(user)).form("enter")
    assert visitor.send("POST", f"{bank.url}/account/enter", link, foreign).status == 404
    assert it.elevated


def test_nobody_ends_what_is_anothers(bank: Bank) -> None:
    owner = bank.customer()
    it = bank.ask(owner)
    phone = Visitor()
    phone.submit(phone.go(it.page), "answer", code=bank.code(owner), number=it.number)
    _, theirs = entered(bank, owner, token=it.token)
    other = bank.customer()
    mine = bank.ask(other)
    phone.submit(phone.go(mine.page), "answer", code=bank.code(other), number=mine.number)
    visitor, seen = entered(bank, other, token=mine.token)
    visitor.submit(seen, "end", elevation=theirs.form("end")["elevation"])
    assert it.elevated


def test_the_page_closes_with_its_time(bank: Bank) -> None:
    visitor, seen = entered(bank, bank.customer())
    assert seen.status == 200
    bank.world.clock.advance(901)
    assert "This page is closed" in visitor.go(f"{bank.url}/account").words


# --- what was asked, "this was not me", "ask me every time", leaving


def answered(bank: Bank, it: Asked) -> None:
    phone = Visitor()
    phone.submit(phone.go(it.page), "answer", code=bank.code(it.user), number=it.number)
    assert it.elevated


def forms_for(seen: Seen, verb: str) -> list[dict[str, str]]:
    return forms(seen.text).get(verb, [])


def test_it_tells_what_was_asked_from_where_and_what_came_of_it(bank: Bank) -> None:
    user = bank.customer()
    _, empty = entered(bank, user, token=bank.world.token(user))
    assert "You were asked nothing yet" in empty.words
    declined = bank.ask(user, below="/one", device="Firefox on Linux")
    declined.decline()
    bank.world.clock.advance(1)
    confirmed = bank.ask(user, below="/two")
    answered(bank, confirmed)
    _, seen = entered(bank, user, token=bank.world.token(user))
    told = seen.words[seen.words.index("What you were asked lately") :]
    assert told.index(confirmed.resource) < told.index(declined.resource)
    assert "· Confirmed" in told
    assert "ConfirmedCode from your authenticator app" in told
    assert "· Not allowed" in told
    assert "Bank app" in told
    assert "Firefox on Linux (reported by the app)" in told
    for secret in (declined.token, confirmed.number, declined.challenge_token, confirmed.page.partition("key=")[2]):
        assert secret
        assert secret not in seen.text


def test_a_proof_that_the_app_never_fetched_is_told_as_that(bank: Bank) -> None:
    """§7.2: it counts once the return code comes back."""
    user = bank.customer()
    it = bank.ask(user, return_uri=BACK)
    phone = Visitor()
    phone.submit(phone.go(it.page), "answer", code=bank.code(user))
    visitor, seen = entered(bank, user, token=bank.world.token(user))
    assert "Confirmed, the app has not gone on yet" in seen.words
    assert "ConfirmedCode from your authenticator app" in seen.words
    bank.world.clock.advance(61)
    late = visitor.go(f"{bank.url}/account").words
    assert "· Not finished in time" in late
    assert "ConfirmedCode" not in late


@pytest.mark.parametrize("state", ["open", "satisfied", "declined", "expired"])
def test_this_was_not_me_stops_the_other_login_and_says_so(bank: Bank, state: str) -> None:
    """§7.7, attack 20: in every state; the page says what has ended and what to do next."""
    user = bank.customer()
    it = bank.ask(user)
    if state == "satisfied":
        answered(bank, it)
    elif state == "declined":
        it.decline()
    elif state == "expired":
        bank.world.clock.advance(600)
    visitor, seen = entered(bank, user, token=bank.world.token(user))
    done = visitor.submit(seen, "not-me")
    assert "The login that asked is stopped" in done.words
    assert "Look at your ways to confirm" in done.words
    assert forms_for(done, "not-me") == []
    assert not it.elevated
    assert it.state == ("declined" if state == "open" else state)
    assert it.report() == "ChallengeBarred"
    assert visitor.go(f"{bank.url}/account").status == 200


def test_this_was_not_me_about_the_login_that_one_uses_closes_the_page_and_says_why(bank: Bank) -> None:
    user = bank.customer()
    it = bank.ask(user)
    visitor, seen = entered(bank, user, token=it.token)
    assert "so this page closes, too" in seen.words
    stopped = visitor.submit(seen, "not-me")
    assert (stopped.status, "This login is stopped" in stopped.words) == (404, True)
    assert "This login is stopped" in visitor.go(f"{bank.url}/account").words
    assert "This page is closed" in Visitor().go(f"{bank.url}/account").words
    assert it.report() == "ChallengeBarred"


def test_nobody_sees_or_disowns_what_another_was_asked(bank: Bank) -> None:
    """Attack 27: the history is the user's own, and a foreign id is as if there were none."""
    owner, other = bank.customer(), bank.customer()
    theirs, mine = bank.ask(owner), bank.ask(other)
    visitor, seen = entered(bank, other, token=bank.world.token(other))
    assert mine.resource in seen.words
    assert theirs.resource not in seen.text
    for unknown in (theirs.id, "unknown", "", "x" * 9_000, "\x00"):
        form = {**seen.form("not-me"), "challenge": unknown}
        assert visitor.send("POST", f"{bank.url}/account/not-me", form).status == 404
    assert (theirs.state, mine.state) == ("open", "open")
    answered(bank, theirs)


def test_without_a_login_there_is_no_history_and_nothing_to_disown_or_to_wish_for(bank: Bank) -> None:
    user = bank.customer()
    it = bank.ask(user)
    visitor, seen = entered(bank, user)
    assert it.resource not in seen.text
    assert "Ask me every time" not in seen.words
    for verb, more in (("not-me", {"challenge": it.id}), ("caution", {})):
        form = {"form": seen.form("leave")["form"], **more}
        assert visitor.send("POST", f"{bank.url}/account/{verb}", form).status == 404
    assert "open your account from an app" in seen.words
    assert "This page is closed" in visitor.submit(seen, "leave").words
    assert it.state == "open"


@pytest.mark.parametrize("verb", ["not-me", "caution", "leave", "lift"])
def test_a_form_of_another_site_does_nothing_here_either(bank: Bank, verb: str) -> None:
    """Attack 24."""
    user = bank.customer()
    it = bank.ask(user)
    visitor, seen = entered(bank, user, token=bank.world.token(user))
    if verb == "lift":
        visitor.submit(seen, "caution")
    url = f"{bank.url}/account/{verb}"
    form = {"form": seen.form("leave")["form"], "challenge": it.id}
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    assert visitor.send("POST", url, {**form, "form": "x"}).status == 404
    assert visitor.send("POST", url, {key: value for key, value in form.items() if key != "form"}).status == 404
    assert visitor.send("POST", url, form, foreign).status == 404
    assert Visitor().send("POST", url, form).status == 404
    assert visitor.send("GET", url).status == (200 if verb == "lift" else 405)
    after = visitor.go(f"{bank.url}/account")
    assert after.status == 200
    assert ("You are asked every time" in after.words) == (verb == "lift")
    assert it.state == "open"


def test_ask_me_every_time_is_had_at_once_and_lifted_by_a_step_up(bank: Bank) -> None:
    """§8: each yes opens one thing once; without a step-up nothing takes that back."""
    user = bank.customer()
    token = bank.world.token(user)
    visitor, seen = entered(bank, user, token=token)
    cautious = visitor.submit(seen, "caution")
    assert "From now on you are asked every time" in cautious.words
    assert forms_for(cautious, "caution") == []
    it = bank.ask(user, token=token)
    answered(bank, it)  # and takes its one use by looking
    assert not it.elevated
    bank.world.clock.advance(30)
    page = visitor.go(f"{bank.url}/account/lift")
    assert "we ask you once to confirm" in page.words
    form = {"form": page.form("step-up")["form"]}
    assert visitor.send("POST", f"{bank.url}/account/lift", form).header("location") == "/account/lift"
    assert "You are asked every time" in visitor.go(f"{bank.url}/account").words
    challenge = visitor.follow(visitor.send("POST", f"{bank.url}/account/step-up", page.form("step-up")))
    back = visitor.submit(challenge, "answer", code=bank.code(user))
    assert "that is confirmed" in back.words
    lifted = visitor.follow(visitor.send("POST", f"{bank.url}/account/lift", back.form("lift")))
    assert "You are no longer asked every time" in lifted.words
    assert forms_for(lifted, "caution")


def test_leaving_ends_the_session_and_takes_the_cookie_back(bank: Bank) -> None:
    user = bank.customer()
    visitor, seen = entered(bank, user, token=bank.world.token(user))
    secret = visitor.cookies["stairgate-account"]
    answer = visitor.send("POST", f"{bank.url}/account/leave", seen.form("leave"))
    assert (answer.status, answer.header("location")) == (303, "/account")
    cookie = answer.header("set-cookie") or ""
    assert all(part in cookie for part in ("stairgate-account=;", "Path=/;", "HttpOnly", "Max-Age=0"))
    for kept in ("", secret):
        visitor.cookies["stairgate-account"] = kept
        closed = visitor.go(f"{bank.url}/account")
        assert (closed.status, "This page is closed" in closed.words) == (404, True)


def test_hostile_names_are_shown_harmless(bank: Bank) -> None:
    """Attack 16: what an app says of a device, and the place of what is asked, draw and reorder nothing."""
    user = bank.customer(requirement=Requirement(level=Level.BASIC, bind=frozenset({"amount", "to"})))
    details: dict[str, JsonValue] = {"amount": "9" * 90 + " EUR", "to": "<b>\u2066Acme"}
    bank.ask(
        user,
        context=details,
        below="/" + "long" * 30,
        device="<img src=x>\u202eevil\u0000 p\u0430yp\u0430l" + "x" * 150,
    )
    _, seen = entered(bank, user, token=bank.world.token(user))
    assert "<img" not in seen.text
    assert "<b>" not in seen.text
    assert "\u2066" not in seen.text
    assert "9" * 90 + " EUR" in seen.words  # an amount is never cut
    assert "\u202e" not in seen.text
    assert "\\u202eevil\\u0000" in seen.words
    assert "mixes letters of different alphabets" in seen.words
    assert "long" * 30 not in seen.words
    assert "x" * 100 not in seen.words
