import pytest

from gigbook.business.payments.mood import Mood, mood


@pytest.mark.parametrize(
    ("method", "meaning"),
    [
        ("ok", Mood()),
        ("tok_1234", Mood()),
        ("declined", Mood("declined")),
        ("slow:2", Mood(before=2.0)),
        ("late:0.25", Mood(after=0.25)),
        ("timeout", Mood("lost")),
        ("timeout:uncharged", Mood("lost before")),
        ("down", Mood("down")),
    ],
)
def test_a_method_tells_the_gateway_what_to_do(method: str, meaning: Mood) -> None:
    assert mood(method) == meaning


@pytest.mark.parametrize("method", ["slow", "slow:", "slow:x", "slow:-1", "slow:nan", "slow:inf", "late:3601"])
def test_a_pause_that_makes_no_sense_is_declined(method: str) -> None:
    assert mood(method) == Mood("declined")
