"""The program as an operator knows it: how it starts, how it ends, and what survives."""

import asyncio
import gc
import json
import resource
import signal
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from sqlalchemy import make_url

from gigbook.application import service
from gigbook.application.service import MOST_FILES
from gigbook.application.settings import Settings
from tests.gigbook.program import outcome, running, spawned

ADA = json.dumps({"name": "Ada Lovelace", "email": "ada@example.com"}).encode()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "customers.db"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_good_order(file: Path, number: signal.Signals) -> None:
    async with running(file, spawned) as program:
        await program.url()

        program.signal(number)

        assert await program.ended() == 0
        assert program.log[-1]["event"] == "stopped"


async def test_a_request_in_flight_is_finished_before_the_end(file: Path) -> None:
    async with running(file, SHUTDOWN_TIMEOUT="3600") as program:
        reader, writer = await begun_request(await program.url())

        program.signal(signal.SIGTERM)
        await program.logged("stopping")
        writer.write(ADA)

        assert (await reader.readline()).startswith(b"HTTP/1.1 201 ")
        assert b"connection: close" in await reader.read()
        assert await program.ended() == 0
        writer.close()
    assert stored(file) == ["ada@example.com"]


async def test_a_request_that_takes_too_long_does_not_hold_up_the_end(file: Path) -> None:
    async with running(file, SHUTDOWN_TIMEOUT="1") as program:
        reader, writer = await begun_request(await program.url())

        program.signal(signal.SIGTERM)

        assert (await reader.readline()).startswith(b"HTTP/1.1 503 ")
        assert await program.ended() == 0
        writer.close()


async def test_a_second_interrupt_ends_it_at_once(file: Path) -> None:
    async with running(file, SHUTDOWN_TIMEOUT="3600") as program:
        _, writer = await begun_request(await program.url())
        program.signal(signal.SIGINT)
        await program.logged("stopping")

        program.signal(signal.SIGINT)

        assert await program.ended() == 130
        writer.close()


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux tells what another process may open")
async def test_it_takes_as_many_connections_as_the_system_grants(file: Path) -> None:
    usual, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, most))
    try:
        async with running(file, spawned) as program:
            await program.url()

            assert resource.prlimit(program.process.pid, resource.RLIMIT_NOFILE)[0] == min(most, MOST_FILES)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (usual, most))


def test_the_collector_leaves_alone_what_is_there_for_good(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[int] = []

    async def look(*_: object) -> None:
        found.extend((gc.get_threshold()[0], gc.get_freeze_count()))

    monkeypatch.setattr(service, "serve", look)
    monkeypatch.setattr("gigbook.application.logs.configure", id)
    before = gc.get_threshold()
    try:
        service.run(Settings(database_url=str(file)))
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)

    threshold, frozen = found
    assert threshold > before[0]
    assert frozen > 10_000


async def test_customers_survive_a_restart(file: Path) -> None:
    async with running(file, spawned) as program, httpx.AsyncClient(base_url=await program.url(), timeout=None) as api:
        made = (await api.post("/api/customers", content=ADA, headers={"content-type": "application/json"})).json()
        program.signal(signal.SIGTERM)
        await program.ended()

    async with running(file) as program, httpx.AsyncClient(base_url=await program.url(), timeout=None) as api:
        assert (await api.get("/api/customers/1")).json() == made


async def test_a_taken_port_is_one_clear_line(file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        code, _, said = await outcome("serve", file, start=spawned, PORT=str(port))

    assert (code, said) == (1, f"gigbook: cannot listen on 127.0.0.1:{port}: address already in use\n")


@pytest.fixture
def text_file(file: Path) -> Path:
    file.write_text("This is no database at all. " * 100)
    return file


async def test_a_file_that_is_no_database_is_one_clear_line(text_file: Path) -> None:
    code, _, said = await outcome("serve", text_file)

    assert code == 1
    assert said.startswith("gigbook: cannot use the database")
    assert said.count("\n") == 1


async def test_a_folder_that_does_not_exist_is_one_clear_line(tmp_path: Path) -> None:
    code, _, said = await outcome("serve", tmp_path / "nowhere" / "customers.db")

    assert code == 1
    assert said.startswith("gigbook: cannot use the database")
    assert said.count("\n") == 1


async def test_a_database_of_a_newer_release_is_one_clear_line(file: Path) -> None:
    await outcome("migrate", file)
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")

    code, _, said = await outcome("serve", file)

    assert code == 1
    assert "newer release" in said
    assert said.count("\n") == 1


async def test_every_wrong_setting_is_named_in_one_line(file: Path) -> None:
    code, _, said = await outcome("serve", file, PORT="99999", MAX_CONNECTIONS="many")

    assert code == 2
    assert "PORT must be an integer <= 65535" in said
    assert "MAX_CONNECTIONS must be an integer" in said
    assert said.count("\n") == 1


async def test_migrating_says_what_it_did(file: Path) -> None:
    first = await outcome("migrate", file)
    second = await outcome("migrate", file)

    assert (first[0], second[0]) == (0, 0)
    assert "before at nothing" in first[1]
    assert "already" in second[1]


async def test_migrating_does_not_say_the_password(postgres_url: str) -> None:
    secret = make_url(postgres_url).set(password="hunter2").render_as_string(hide_password=False)

    code, out, said = await outcome("migrate", secret)

    assert (code, "hunter2" in out + said, ":***@" in out) == (0, False, True)


async def test_each_request_is_one_log_line(file: Path) -> None:
    async with running(file) as program:
        url = await program.url()
        async with httpx.AsyncClient(base_url=url, timeout=None) as api:
            response = await api.get("/api/customers?email=ada@example.com", headers={"x-request-id": "mine-1"})
            unsane = await api.get("/health", headers={"x-request-id": "not sane"})
        program.signal(signal.SIGTERM)
        await program.ended()

    lines = [line for line in program.log if line["event"] == "request"]
    assert response.headers["x-request-id"] == lines[0]["id"] == "mine-1"
    assert unsane.headers["x-request-id"] == lines[1]["id"] != "not sane"
    assert {name: lines[0][name] for name in ("method", "path", "status")} == {
        "method": "GET",
        "path": "/api/customers",
        "status": 200,
    }
    assert lines[0]["ms"] > 0
    assert "ada@example.com" not in json.dumps(program.log)


async def begun_request(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A request that the server is working on: it waits for the body, and has said so."""
    address = httpx.URL(url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    head = (
        f"POST /api/customers HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(ADA)}\r\n"
    )
    writer.write(f"{head}Expect: 100-continue\r\n\r\n".encode())
    assert (await reader.readline()) == b"HTTP/1.1 100 Continue\r\n"
    await reader.readline()
    return reader, writer


def stored(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as database:
        return [email for (email,) in database.execute("SELECT email FROM customers")]
