"""Where a browser may be sent back to: plain addresses of the app alone (semantics §7.2)."""

import pytest

from stairgate.model.errors import InvalidInputError
from stairgate.model.returns import MAX_RETURN_URIS, return_uris


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example/back",
        "https://app.example:8443/back?from=stairgate",
        "http://localhost:3000/back",
        "http://127.0.0.1/back",
        "http://[::1]:3000/",
        "com.example.app:/back",
    ],
)
def test_an_address_of_an_app_will_do(uri: str) -> None:
    assert return_uris([uri, uri]) == (uri,)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/back",
        "//app.example/back",
        "http://app.example/back",
        "https://user@app.example/",
        "https://app.example/#part",
        "https:///back",
        "https://app.example:0/",
        "https://app.example/ back",
        "https://app.example/\r\nx",
        "https://app.example\\@evil.example/",
        "https://[bad/",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "https://äpp.example/",
        "https://app.example/?code=1",
        "https://app.example/?state=",
        "https://app.example/" + "a" * 512,
    ],
)
def test_what_could_lead_elsewhere_is_refused_by_name(uri: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        return_uris(["https://app.example/back", uri])
    assert caught.value.field == "returnUris[1]"


def test_they_are_bounded() -> None:
    with pytest.raises(InvalidInputError, match="at most"):
        return_uris(f"https://app.example/{number}" for number in range(MAX_RETURN_URIS + 1))
