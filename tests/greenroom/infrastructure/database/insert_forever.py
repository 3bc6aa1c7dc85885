"""Insert into a database as fast as it goes, and print each key that was answered. Killed by `test_kill`."""

import asyncio
import os
import sys

from greenroom.infrastructure import Database
from tests.greenroom.infrastructure.database.tables import row, venues

CALLERS = 32


async def main(url: str) -> None:
    database = await Database.start(url)

    async def keep_inserting(caller: int) -> None:
        n = 0
        while True:
            n += 1
            name = f"{os.getpid()}/{caller}/{n}"
            added = row(await database.call(Database.insert, venues, {"name": name}))
            # One write to a pipe is whole, and there before the process goes on.
            os.write(sys.stdout.fileno(), f"{added['id']} {name}\n".encode())

    await asyncio.gather(*(keep_inserting(caller) for caller in range(CALLERS)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
