from importlib import import_module

import pytest

PUBLIC = import_module("greenroom.infrastructure")


@pytest.mark.parametrize("name", PUBLIC.__all__)
def test_every_public_name_is_there_when_it_is_asked_for(name: str) -> None:
    assert getattr(PUBLIC, name) is not None


def test_a_name_that_is_not_public_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match=r"module 'greenroom.infrastructure' has no attribute 'Statements'"):
        _ = PUBLIC.Statements
