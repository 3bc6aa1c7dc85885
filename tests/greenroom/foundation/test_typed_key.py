from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.foundation.typed_key import typed


@pytest.mark.parametrize("key", ["hello", None, b"hello", ("venue", "blue-note"), frozenset({"a"}), Ellipsis, int])
def test_a_key_without_numbers_is_its_own(key: Any) -> None:
    assert typed(key) is key


@pytest.mark.conforms("ex.registry.unique.019", "ex.registry.duplicate.005")
def test_numbers_keep_their_type() -> None:
    keys: list[Any] = [1, 1.0, True, 1 + 0j, Fraction(1)]

    assert len({typed(key) for key in keys}) == len(keys)


def test_numbers_keep_their_type_within_a_key() -> None:
    keys: list[Any] = [(1, "a"), (1.0, "a"), (("x", 1),), (("x", True),), frozenset({1}), frozenset({1.0})]

    assert len({typed(key) for key in keys}) == len(keys)


def test_a_key_is_not_mistaken_for_what_stands_for_another() -> None:
    keys: list[Any] = [1, (int, 1), ((int, 1), 1), ("1",), "1"]

    assert len({typed(key) for key in keys}) == len(keys)


def test_a_key_that_has_no_hash_is_refused() -> None:
    with pytest.raises(TypeError):
        {typed([1]): "value"}  # type: ignore[arg-type]


NUMBERS = st.sampled_from([0, 1, 2]) | st.sampled_from([0.0, 1.0, 2.0]) | st.booleans()
KEYS = st.recursive(
    NUMBERS | st.sampled_from(["", "a"]) | st.none(),
    lambda inner: st.tuples(inner) | st.tuples(inner, inner) | st.frozensets(inner, max_size=2),
    max_leaves=5,
)


def shape(key: Any) -> Any:
    """The key written out with its types."""
    parts: Any = key
    if isinstance(key, tuple):
        return ("tuple", *map(shape, parts))
    if isinstance(key, frozenset):
        return ("frozenset", *sorted(map(repr, map(shape, parts))))
    return repr(key)


@given(KEYS, KEYS)
def test_two_keys_are_one_exactly_if_they_read_the_same(one: Any, other: Any) -> None:
    assert (typed(one) == typed(other)) == (shape(one) == shape(other))
