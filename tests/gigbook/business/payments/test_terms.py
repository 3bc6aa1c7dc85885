import pytest

from gigbook.business.payments.terms import Terms


def test_each_pause_is_twice_as_long_up_to_a_limit() -> None:
    terms = Terms(first_pause=1.0, longest_pause=10.0)

    assert [terms.pause(tries) for tries in (0, 1, 2, 3, 4, 10_000)] == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_nobody_is_given_up_while_the_gateway_may_still_answer() -> None:
    assert Terms(gateway=20.0, first_pause=1.0).patience(0) == 21.0


@pytest.mark.parametrize("name", ["gateway", "first_pause", "longest_pause"])
def test_no_time_is_no_term(name: str) -> None:
    with pytest.raises(ValueError, match=f"expected {name} to be more than 0, got 0"):
        Terms(**{name: 0})
