"""Migrations: all or none, once, and never on a newer release's database."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from greenroom.infrastructure import (
    DatabaseError,
    DatabaseSettings,
    DatabaseUrl,
    Migrated,
    NewerDatabase,
    migrate,
    migrations_of,
)
from greenroom.infrastructure.database.connector import connector
from greenroom.infrastructure.migration import revisions

ENV = """
from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
"""

STEP = """
from alembic import op
import sqlalchemy as sa

revision = {revision!r}
down_revision = {before!r}


def upgrade():
    op.create_table("table_{revision}", sa.Column("id", sa.Integer, primary_key=True))
    {then}
"""


@pytest.fixture(params=["file", "memory", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> DatabaseUrl:
    if request.param == "postgresql":
        return DatabaseUrl.parse(request.getfixturevalue("postgres_url"))
    return DatabaseUrl.parse(str(tmp_path / "test.db") if request.param == "file" else ":memory:")


@pytest.fixture
def location(tmp_path: Path) -> Path:
    """A folder with two migrations."""
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    (folder / "env.py").write_text(ENV)
    add(folder, "0001", None)
    add(folder, "0002", "0001")
    return folder


def add(location: Path, revision: str, before: str | None, then: str = "") -> None:
    step = STEP.format(revision=revision, before=before, then=then)
    (location / "versions" / f"{revision}_step.py").write_text(step)


def tables(url: DatabaseUrl) -> set[str]:
    with closing(connector(url, DatabaseSettings()).writer()) as session, session.schema_change() as connection:
        return {name for name in inspect(connection).get_table_names() if name.startswith("table")}


def test_an_empty_database_gets_all_migrations(url: DatabaseUrl, location: Path) -> None:
    assert migrate(url, location) == Migrated(since=None, to="0002")

    assert tables(url) == {"table_0001", "table_0002"}


def test_a_database_gets_only_what_it_lacks(url: DatabaseUrl, location: Path) -> None:
    migrate(url, location)
    add(location, "0003", "0002")

    assert migrate(url, location) == Migrated(since="0002", to="0003")
    assert migrate(url, location) == Migrated(since="0003", to="0003")
    assert tables(url) == {"table_0001", "table_0002", "table_0003"}


def test_a_database_of_a_newer_release_is_refused_and_left_alone(url: DatabaseUrl, location: Path) -> None:
    migrate(url, location)
    (location / "versions" / "0002_step.py").unlink()

    with pytest.raises(NewerDatabase, match="expected the database at revision 0001 or older, got 0002 of a newer"):
        migrate(url, location)

    assert tables(url) == {"table_0001", "table_0002"}


def test_a_migration_that_fails_leaves_nothing_behind(url: DatabaseUrl, location: Path) -> None:
    add(location, "0003", "0002", then='op.execute("nonsense")')

    with pytest.raises(DatabaseError, match="nonsense"):
        migrate(url, location)
    assert tables(url) == set()

    add(location, "0003", "0002")
    assert migrate(url, location) == Migrated(since=None, to="0003")


def test_many_programs_that_start_at_once_migrate_once(url: DatabaseUrl, location: Path) -> None:
    with ThreadPoolExecutor(1 if url.kind == "memory" else 4) as pool:
        found = [future.result() for future in [pool.submit(migrate, url, location) for _ in range(8)]]

    assert {migrated.to for migrated in found} == {"0002"}
    assert tables(url) == {"table_0001", "table_0002"}


def test_rows_that_refer_to_others_survive_a_table_that_is_made_anew(tmp_path: Path, location: Path) -> None:
    url = DatabaseUrl.parse(str(tmp_path / "test.db"))
    migrate(url, location)
    with closing(connector(url, DatabaseSettings()).writer()) as session, session.schema_change() as connection:
        connection.execute(text("CREATE TABLE child (id INTEGER REFERENCES table_0001 ON DELETE CASCADE)"))
        connection.execute(text("INSERT INTO table_0001 VALUES (1)"))
        connection.execute(text("INSERT INTO child VALUES (1)"))
    change = 'with op.batch_alter_table("table_0001", recreate="always") as t: t.add_column(sa.Column("n", sa.Integer))'
    add(location, "0003", "0002", then=change)

    migrate(url, location)

    with closing(connector(url, DatabaseSettings()).writer()) as session, session.schema_change() as connection:
        assert connection.execute(text("SELECT id FROM child")).all() == [(1,)]


def test_alembic_is_not_imported_when_there_is_nothing_to_do(tmp_path: Path, location: Path) -> None:
    url = str(tmp_path / "test.db")
    migrate(url, location)
    program = (
        "import sys; from pathlib import Path; from greenroom.infrastructure import migrate;"
        f"print(migrate({url!r}, Path({str(location)!r})).to, 'alembic' in sys.modules)"
    )

    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert printed.split() == ["0002", "False"]


def test_a_folder_without_migrations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected migrations such as .*0001_customers.py, got none"):
        revisions(tmp_path)


def test_migrations_are_found_beside_a_package_or_inside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, beside = tmp_path / "wheel", tmp_path / "checkout" / "src"
    for folder, migrations in ((inside, inside / "shop" / "migrations"), (beside, beside.parent / "migrations")):
        (folder / "shop").mkdir(parents=True)
        (folder / "shop" / "__init__.py").touch()
        migrations.mkdir()
        (migrations / "env.py").touch()
        monkeypatch.setattr(sys, "path", [str(folder)])

        assert migrations_of("shop") == migrations


def test_a_package_without_migrations_is_refused() -> None:
    with pytest.raises(ValueError, match="expected migrations beside or inside json, got none"):
        migrations_of("json")
