import asyncio
from dataclasses import dataclass, field

from greenroom import GenServer, Ref, Supervisor, child


@dataclass
class Venue(GenServer):
    """One venue's diary, in the memory of one supervised process."""

    diary: dict[str, str] = field(default_factory=dict[str, str], init=False)

    async def book(self, evening: str, artist: str) -> str:
        """Book the evening unless another artist holds it."""
        return f"{self.diary.setdefault(evening, artist)} plays on {evening}"


async def main() -> None:
    await Supervisor.start([child(Venue).named("blue-note")], strategy="one_for_one")
    venue = Ref(Venue, "blue-note")
    print(await venue.call(Venue.book, "Friday", artist="Nina"))
    print(await venue.call(Venue.book, "Friday", artist="Mary"))


asyncio.run(main())

# Output:
# Nina plays on Friday
# Nina plays on Friday
