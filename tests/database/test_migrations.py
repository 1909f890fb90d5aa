"""Migrations: from nothing, twice, from the first one with rows in the tables, and two at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from database import invariants, repair
from database.migrate import migrate
from shared.config import Settings
from shared.db.pool import connect
from tests.database.conftest import run_at
from tests.database.world import connected, query, violations

PROJECT = Path(__file__).parents[2]
SCRIPTS = PROJECT / "database" / "migrations"
# Everything the database knows about itself, without numbers that differ from one database to the next.
CATALOGUE = """
SELECT concat_ws(' ', 'table', table_name, column_name, data_type, is_nullable, column_default)
FROM information_schema.columns WHERE table_schema IN ('public', 'logic')
UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'function ' || pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'logic'::regnamespace
UNION ALL SELECT 'policy ' || tablename || ' ' || policyname FROM pg_policies
UNION ALL SELECT 'version ' || version_num FROM schema_version
ORDER BY 1
"""
# As somebody wrote them before there was a trigger: figures that count nothing.
FIRST_ROWS = """
INSERT INTO profiles (id, username, last_active_at) VALUES
    ('00000000-0000-4000-8000-000000000001', 'ada', '2026-01-01'),
    ('00000000-0000-4000-8000-000000000002', 'bob', '2026-01-01');
INSERT INTO creator_stats (user_id, total_likes) VALUES ('00000000-0000-4000-8000-000000000001', 99);
INSERT INTO videos (id, user_id, prompt, status, video_url, published_at, likes_count, heat, heat_peak, ranking_score)
VALUES
    ('00000000-0000-4000-8000-000000000011', '00000000-0000-4000-8000-000000000001', 'a kite', 'completed', '/x',
        '2026-01-02', 7, 0, 0, 0),
    ('00000000-0000-4000-8000-000000000012', '00000000-0000-4000-8000-000000000002', 'a kite', 'completed', '/x',
        '2026-01-03', 0, 0, 0, 0);
INSERT INTO video_assets (video_id, asset_type, storage_backend, storage_key, file_path, public_url, content_type,
        size_bytes, sha256)
    SELECT id, 'video', 'local', 'x', 'x', '/x', 'video/mp4', 10, 'abc' FROM videos;
INSERT INTO video_reactions (video_id, user_id, reaction, created_at) VALUES
    ('00000000-0000-4000-8000-000000000011', '00000000-0000-4000-8000-000000000002', 'like', '2026-01-04'),
    ('00000000-0000-4000-8000-000000000012', '00000000-0000-4000-8000-000000000001', 'dislike', '2026-01-05');
INSERT INTO video_views (video_id, viewer, window_start)
    VALUES ('00000000-0000-4000-8000-000000000012', 'somebody', '2026-01-05');
"""


def catalogue(url: str) -> list[str]:
    with connected(url) as connection:
        return query(connection, CATALOGUE)


def test_a_migration_from_nothing_and_a_second_one_that_changes_nothing(empty_database: str) -> None:
    lines: list[str] = []
    assert migrate(Settings(database_url=empty_database), lines.append)
    assert lines[0].startswith("tables: empty -> ")
    made = catalogue(empty_database)
    assert len(made) > 150
    lines.clear()
    assert not migrate(Settings(database_url=empty_database), lines.append)
    assert (lines, catalogue(empty_database)) == ([], made)


def test_the_first_tables_with_rows_in_them_reach_the_newest_and_the_repair_counts_the_rows(
    empty_database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _migrate_to_first(empty_database)
    run_at(empty_database, FIRST_ROWS)
    assert migrate(Settings(database_url=empty_database), lambda line: None)
    with connected(empty_database) as connection:
        assert {rule for rule, _, _ in violations(connection)} == set(repair.REPAIRS)
        lines: list[str] = []
        repair.repair(connection, lines.append)
        assert any("likes 7 -> 1" in line for line in lines)
        assert any("likes 99 -> 1" in line for line in lines)
        assert invariants.report(connection) == 0
        assert "BROKEN" not in capsys.readouterr().out
        rows = query(
            connection,
            "SELECT username, likes_count, dislikes_count, views_count FROM videos "
            "JOIN profiles ON profiles.id = user_id ORDER BY username",
        )
        assert rows == [("ada", 1, 0, 0), ("bob", 0, 1, 1)]


def _migrate_to_first(url: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    script = ScriptDirectory.from_config(config)
    first = script.get_base()
    assert first
    raw = connect(Settings(database_url=url))
    raw.autocommit = False
    engine = create_engine("postgresql+pg8000://", creator=lambda: raw)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, first)
    engine.dispose()


def test_changed_functions_are_rebuilt_and_the_rows_stay(empty_database: str) -> None:
    current = Settings(database_url=empty_database)
    migrate(current, lambda line: None)
    made = catalogue(empty_database)
    run_at(
        empty_database,
        """
        INSERT INTO profiles (id, username) VALUES ('00000000-0000-4000-8000-000000000001', 'ada');
        CREATE FUNCTION logic.of_an_older_release() RETURNS integer LANGUAGE sql AS 'SELECT 1';
        DROP FUNCTION logic.react;
        COMMENT ON SCHEMA logic IS 'the fingerprint of an older release';
        """,
    )
    lines: list[str] = []
    assert migrate(current, lines.append)
    assert not any(line.startswith("tables") for line in lines)
    assert catalogue(empty_database) == made
    with connected(empty_database) as connection:
        assert query(connection, "SELECT username FROM profiles") == ["ada"]
        assert violations(connection) == []


def test_two_migrations_at_once_take_turns(empty_database: str) -> None:
    environment = {**os.environ, "DATABASE_URL": empty_database}
    run = [sys.executable, "-m", "database.migrate"]
    both = [subprocess.Popen(run, cwd=PROJECT, env=environment, stdout=subprocess.PIPE) for _ in range(2)]
    said = sorted(str(process.communicate()[0]) for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert "tables: empty" in said[0]
    assert "up to date" in said[1]
