"""A server of its own that appends to streams it shares with others, from a word of `test_schema` on."""

import asyncio
import sys

from greenroom.infrastructure import Append, Database, DatabaseError, EventStore, Insert, Refused
from tests.greenroom.infrastructure.event_store.gigs import CODEC, Booked, GigEvent, gigs

CALLERS = 8


async def main(url: str, name: str, rounds: int) -> None:
    store: EventStore[GigEvent] = EventStore(await Database.start(url), CODEC)

    async def caller(number: int) -> None:
        for nth in range(rounds):
            event = Booked(f"{name}/{number}/{nth}")
            await until_stored(store, f"stream:{nth % 3}", event)
            # In vain: whoever appends in this transaction gives the positions back.
            refused = await store.transact(Append("vain", [event, event]), Insert(gigs, {"artist": None}))
            assert isinstance(refused, Refused)

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    await asyncio.gather(*(caller(number) for number in range(CALLERS)))
    await store.database.stop()


async def until_stored(store: EventStore[GigEvent], stream: str, event: Booked) -> None:
    """Append for the version that is there, until nobody else was faster."""
    while True:
        try:
            expected = await store.version(stream) if event.artist.endswith("1") else None
            if isinstance(await store.append(stream, [event], expected=expected), tuple):
                return
        except DatabaseError as error:
            # The other server held SQLite's write lock for too long.
            if error.reason != "locked":
                raise


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
