"""Run by Alembic around each migration; `greenroom.migrate` hands it the connection."""

from alembic import context
from sqlalchemy import Connection


def run(connection: Connection) -> None:
    # SQLite's DDL is transactional as well: a migration that fails leaves nothing behind.
    context.configure(connection=connection, transactional_ddl=True, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
