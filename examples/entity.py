"""A process for each player, started on first use, whose score is on disk before it is told."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from greenroom import Supervisor, child
from greenroom.infrastructure import Columns, Database, Entity, entities

players = sa.Table(
    "players",
    sa.MetaData(),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("points", sa.Integer, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)


@dataclass(frozen=True)
class Score:
    """What is kept of a player."""

    points: int = 0


@dataclass
class Player(Entity[str, Score], kind="player"):
    """Counts the points of one player."""

    def initial(self) -> Score:
        return Score()

    async def win(self, points: int) -> int:
        """Add the points, and answer when they are on disk."""
        await self.save(replace(self.state, points=self.state.points + points))
        return self.state.points


@contextmanager
def a_new_file() -> Generator[str]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "game.db"
        players.create(sa.create_engine(f"sqlite:///{path}"))
        yield str(path)


async def play(path: str) -> None:
    tree = await Supervisor.start(
        [child(Database, path).named("database"), entities(Player, Columns(players, Score))], strategy="rest_for_one"
    )
    print("Nina has", await Player.at("nina").call(Player.win, 3))

    Player.at("nina").exit("kill")
    print("Nina, whose process was killed, has", await Player.at("nina").call(Player.win, 4))
    await tree.stop()


with a_new_file() as path:
    asyncio.run(play(path))
    asyncio.run(play(path))

# Output:
# Nina has 3
# Nina, whose process was killed, has 7
# Nina has 10
# Nina, whose process was killed, has 14
