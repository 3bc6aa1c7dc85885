from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gigbook.business.venues.span import Span, joined, without

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def at(minute: int) -> datetime:
    return NOON + timedelta(minutes=minute)


def spans() -> st.SearchStrategy[list[Span]]:
    ends = st.tuples(st.integers(0, 40), st.integers(0, 40))
    return st.lists(ends.map(lambda pair: Span(at(min(pair)), at(max(pair)))), max_size=8)


def minutes(spans: list[Span]) -> set[int]:
    return {n for n in range(41) if any(span.start <= at(n) < span.end for span in spans)}


def test_a_span_covers_itself_and_what_is_within_it() -> None:
    span = Span(at(0), at(10))

    assert span.covers(span)
    assert span.covers(Span(at(3), at(10)))
    assert not span.covers(Span(at(3), at(11)))
    assert span.length == timedelta(minutes=10)


def test_spans_that_touch_are_one_and_empty_ones_are_none() -> None:
    assert joined([Span(at(5), at(9)), Span(at(0), at(5)), Span(at(20), at(20))]) == [Span(at(0), at(9))]


@given(spans())
def test_joined_spans_are_the_same_time_in_order_and_apart(given_spans: list[Span]) -> None:
    found = joined(given_spans)

    assert minutes(found) == minutes(given_spans)
    assert all(span.start < span.end for span in found)
    assert all(one.end < other.start for one, other in pairwise(found))


@given(spans(), spans())
def test_what_is_left_is_the_time_that_is_not_taken(given_spans: list[Span], taken: list[Span]) -> None:
    left = without(given_spans, taken)

    assert minutes(left) == minutes(given_spans) - minutes(taken)
    assert left == joined(left)
