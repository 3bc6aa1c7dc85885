import psycopg
import pytest

from tests.services import require_service


def test_a_test_gets_an_empty_postgres_database_of_its_own(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        tables = connection.execute("SELECT 1 FROM pg_tables WHERE schemaname = 'public'").fetchall()

    assert tables == []


def test_a_missing_service_skips_the_test(monkeypatch: pytest.MonkeyPatch, unused_port: int) -> None:
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match="expected Nothing to listen"):
        require_service("Nothing", f"tcp://127.0.0.1:{unused_port}")


def test_a_missing_service_fails_the_test_under_ci(monkeypatch: pytest.MonkeyPatch, unused_port: int) -> None:
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match="expected Nothing to listen"):
        require_service("Nothing", f"tcp://127.0.0.1:{unused_port}")
