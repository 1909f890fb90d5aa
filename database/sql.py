"""Running plain SQL in a migration step."""

from alembic import op


def run_sql(statements: str) -> None:
    """Run a text of one or many statements inside the migration's transaction, by the simple protocol."""
    op.get_bind().connection.dbapi_connection.execute_simple(statements)  # type: ignore[union-attr]
