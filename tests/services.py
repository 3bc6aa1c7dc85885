"""The servers that some tests talk to: a test that needs one asks for its URL.

A server that is not there skips the test, and says so; under CI it fails the test, since nobody would read the skip.
"""

import os
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.postgres import Databases

POSTGRES = os.environ.get("GREENROOM_TEST_POSTGRES", "postgresql://root@127.0.0.1:5432/test")
REDIS = os.environ.get("GREENROOM_TEST_REDIS", "redis://127.0.0.1:6379/0")
NATS = os.environ.get("GREENROOM_TEST_NATS", "nats://127.0.0.1:4222")


@pytest.fixture(scope="session")
def postgres() -> str:
    """The URL of a PostgreSQL server; others use it at the same time."""
    require_service("PostgreSQL", POSTGRES)
    return POSTGRES


@pytest.fixture(scope="session")
def empty_databases(postgres: str) -> Iterator[Databases]:
    """Where `postgres_url` comes from."""
    databases = Databases(postgres)
    yield databases
    databases.close()


@pytest.fixture
def postgres_url(empty_databases: Databases) -> Iterator[str]:
    """The URL of an empty PostgreSQL database that is the test's own."""
    with empty_databases.lent() as url:
        yield url


@pytest.fixture
def redis_url() -> str:
    """The URL of a Redis server; others use it at the same time, so keys carry the test's own prefix."""
    require_service("Redis", REDIS)
    return REDIS


@pytest.fixture
def nats_url() -> str:
    """The URL of a NATS server; others use it at the same time, so subjects carry the test's own prefix."""
    require_service("NATS", NATS)
    return NATS


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A port of this machine that nothing listens on, nor will before the test is over."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]


def require_service(name: str, url: str) -> None:
    """Skip the test when nothing listens at the URL; under CI, fail it."""
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname, address.port or 0), timeout=60).close()
    except OSError as error:
        missing = f"expected {name} to listen at {address.hostname}:{address.port}: {error}"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
