"""Activation, calls, and how many changes share a write."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmarks.entity.page import Row
from benchmarks.entity.scene import Profile, Venue, ask_all, pack, prepared, running, timed
from greenroom import Ref, telemetry
from greenroom.infrastructure import DatabaseUrl, EntitySettings, Memory


async def activation(folder: Path, number: int, rounds: int) -> list[Row]:
    """From SQL, from packed memory, and without anything to read."""
    cold = Row("activation, cold: one query for up to 256", "1/s")
    warm = Row("activation, warm: from hibernation", "1/s")
    bare = Row("activation of what is kept in memory alone", "1/s")
    url = prepared(DatabaseUrl.parse(str(folder / "cold.db")), number)
    for _ in range(rounds):
        async with running(url):
            cold.ours.append(number / await timed(ask_all(range(number))))
            pack(range(number))
            warm.ours.append(number / await timed(ask_all(range(number))))
        async with running(url, Memory(Profile)):
            bare.ours.append(number / await timed(ask_all(range(number))))
    return [cold, warm, bare]


async def calls(folder: Path, number: int, rounds: int) -> list[Row]:
    """Over all live entities in turn, with one change in a hundred; then to one of them."""
    title = f"calls to {number:,} live entities, 1 % change them: "
    by_key = Row(title + "Venue.at(key).call", "1/s", aim=1_000_000)
    by_address = Row(title + "an address that is kept", "1/s")
    by_process = Row(title + "the process itself", "1/s")
    url = prepared(DatabaseUrl.parse(str(folder / "calls.db")), 0)
    async with running(url, settings=EntitySettings(save_interval=2.0)):
        await ask_all(range(number))
        addresses = [Venue.at(key) for key in range(number)]
        processes = [address.where() for address in addresses]
        for _ in range(rounds):
            by_key.ours.append(number / await timed(_call_by_key(number)))
            by_address.ours.append(number / await timed(_call(addresses)))
            by_process.ours.append(number / await timed(_call(processes)))
    return [by_key, by_address, by_process]


async def _call_by_key(number: int) -> None:
    for key in range(number):
        await Venue.at(key).call(Venue.play if key % 100 == 0 else Venue.plays)


async def _call(refs: Iterable[Ref[Venue] | None]) -> None:
    for at, ref in enumerate(refs):
        assert ref is not None
        await ref.call(Venue.play if at % 100 == 0 else Venue.plays)


async def amplification(folder: Path, number: int, seconds: float) -> list[Row]:
    """Changes for each row written, when some are changed much more often than others."""
    url = prepared(DatabaseUrl.parse(str(folder / "amplification.db")), 0)
    written = 0.0

    def note(_: object, measurements: Mapping[str, float], __: object) -> None:
        nonlocal written
        written += measurements["count"]

    telemetry.attach("benchmark", ("greenroom", "entity", "save"), note)
    changes = 0
    async with running(url, settings=EntitySettings(save_interval=1.0)):
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            for step in range(200):
                # The first hundredth of them gets half of the changes.
                key = step % max(1, number // 100) if step % 2 else (changes + step) % number
                await Venue.at(key).call(Venue.play)
            changes += 200
            await asyncio.sleep(0.005)
    telemetry.detach("benchmark")
    return [Row(f"debounced changes to a row written: 1 s, {number:,} entities", "×", ours=[changes / max(1, written)])]
