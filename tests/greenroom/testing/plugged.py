"""Running tests that are written to a file, with the plugin."""

import pytest

HEAD = """
import asyncio
from dataclasses import dataclass
import pytest
from greenroom import Down, GenServer, Ref, ServerDown, list_services, child
from greenroom.testing import *

@dataclass
class Bar(GenServer):
    sold: int = 0

    async def serve(self, drinks: int) -> int:
        self.sold += drinks
        return self.sold

    async def spill(self) -> None:
        raise ValueError("spilt")

    async def think(self) -> None:
        await asyncio.get_running_loop().create_future()

    async def ask(self, other: Ref["Bar"]) -> None:
        await other.within(None).call(Bar.think)
"""


def outcomes(pytester: pytest.Pytester, text: str, *options: str) -> tuple[dict[str, int], str]:
    """Run the tests in the text; what became of them, and what was printed."""
    pytester.makepyfile(HEAD + text)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:schemathesis", *options)
    return result.parseoutcomes(), result.stdout.str()
