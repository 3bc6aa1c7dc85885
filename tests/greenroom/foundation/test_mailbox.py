from greenroom.foundation.mailbox import BUSY, CLOSED, RESTING, Mailbox, Message, Shared


def test_a_mailbox_keeps_messages_in_the_order_they_came() -> None:
    messages: list[Message] = [(print, (number,), {}, None) for number in range(5)]

    assert list(Mailbox(messages)) == messages


def test_the_marks_are_empty_and_told_apart_by_what_they_are() -> None:
    assert not any((BUSY, RESTING, CLOSED))
    assert len({id(mark) for mark in (BUSY, RESTING, CLOSED)}) == 3


def test_messages_that_many_wait_for_are_no_mailbox_of_one() -> None:
    shared = Shared("curtain up")

    assert (len(shared), shared.events) == (0, ["curtain up"])
