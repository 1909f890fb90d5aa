"""Databases of their own, beside the one that a test process shares among its tests."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from shared.config import Settings
from shared.db.pool import connect


@contextmanager
def new_database(database_url: str, name: str) -> Iterator[str]:
    """Make an empty database on the same server, give its URL, drop it at the end."""
    unique = f"{name}_{os.getpid()}"
    run_at(database_url, f"CREATE DATABASE {unique}")
    try:
        yield database_url.replace(f"/test_{os.getpid()}?", f"/{unique}?")
    finally:
        run_at(database_url, f"DROP DATABASE {unique} WITH (FORCE)")


@pytest.fixture
def empty_database(database_url: str) -> Iterator[str]:
    """The URL of a database in which nothing has been made."""
    with new_database(database_url, "empty") as url:
        yield url


def run_at(url: str, statements: str) -> None:
    """Run a text of one or many statements on a connection of its own."""
    connection = connect(Settings(database_url=url, database_timeout_seconds=600))
    try:
        connection.execute_simple(statements)
    finally:
        connection.close()
