"""The fast way to canonical JSON gives the bytes of the reference library, or refuses with it (RFC 8785)."""

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from stairgate.model.canonical import MAX_INTEGER, JsonValue, _is_plain, canonical_json
from stairgate.model.errors import InvalidInputError

VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_INTEGER - 2, MAX_INTEGER + 2)
    | st.floats()
    | st.text(st.characters(exclude_categories=())),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(st.characters(exclude_categories=()), max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_every_value_has_the_form_of_the_reference_library_or_none(value: JsonValue) -> None:
    try:
        expected = rfc8785.dumps(value).decode()
    except (rfc8785.CanonicalizationError, UnicodeError):
        with pytest.raises(InvalidInputError):
            canonical_json(value)
    else:
        assert canonical_json(value) == expected


@pytest.mark.parametrize(
    "text", [*(chr(code) for code in range(256)), "\u2028", "\ufeff", "\uffff", "\U0001f600", 'é"\\/']
)
def test_every_character_is_escaped_alike(text: str) -> None:
    assert _is_plain([text])
    assert canonical_json([text]) == rfc8785.dumps([text]).decode()


def test_names_whose_order_depends_on_the_encoding_take_the_slow_way() -> None:
    """U+FB33 sorts after U+1F600 in UTF-16 and before it by code point: RFC 8785 §3.2.3."""
    value: JsonValue = {"\ufb33": 1, "\U0001f600": 2}
    assert not _is_plain(value)
    assert canonical_json(value) == '{"\U0001f600":2,"\ufb33":1}'


@pytest.mark.parametrize("value", [1.0, 1e21, MAX_INTEGER + 1, {1: 2}, {"a": [0.5]}])
def test_what_the_libraries_may_write_differently_takes_the_slow_way(value: JsonValue) -> None:
    assert not _is_plain(value)
