"""${message}."""

from database.sql import run_sql

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step. There is no way back: the next step forward repairs."""
    run_sql("""
    """)
