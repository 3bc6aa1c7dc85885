from dataclasses import dataclass

import pytest

from greenroom import GenServer, child


@dataclass
class Bar(GenServer):
    price: int


def test_a_server_that_was_made_already_is_no_child() -> None:
    made: type[Bar] = Bar(4)  # type: ignore[assignment]

    with pytest.raises(
        ValueError, match=r"expected a GenServer class, with its arguments after it .* got Bar\(price=4\)"
    ):
        child(made, 4)
