"""Alembic's entry: runs the steps on the connection that `database/migrate.py` hands over, inside its transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table="schema_version")
context.run_migrations()
