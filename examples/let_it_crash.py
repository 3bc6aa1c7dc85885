"""A mistake in one server costs that server one moment: its caller learns why, its supervisor starts it anew."""

import asyncio
from dataclasses import dataclass, field

from greenroom import GenServer, Ref, ServerDown, Supervisor, child


@dataclass
class Bar(GenServer):
    """What one bar has sold this evening."""

    sold: int = field(default=0, init=False)

    async def serve(self, drinks: int, guests: int) -> int:
        """Sell the drinks; answer how many each guest gets."""
        self.sold += drinks
        return drinks // guests

    async def report(self) -> int:
        """Answer what was sold since the bar was opened."""
        return self.sold


async def main() -> None:
    bars = [child(Bar).named(name) for name in ("upstairs", "downstairs")]
    await Supervisor.start(bars, strategy="one_for_one")
    upstairs, downstairs = Ref(Bar, "upstairs"), Ref(Bar, "downstairs")
    await upstairs.call(Bar.serve, 4, guests=2)
    await downstairs.call(Bar.serve, 6, guests=3)

    try:
        await upstairs.call(Bar.serve, 4, guests=0)
    except ServerDown as down:
        print("upstairs crashed:", down.reason)

    print("upstairs is open again, sold:", await upstairs.call(Bar.report))
    print("downstairs did not notice, sold:", await downstairs.call(Bar.report))


asyncio.run(main())

# Output:
# upstairs crashed: integer division or modulo by zero
# upstairs is open again, sold: 0
# downstairs did not notice, sold: 6
