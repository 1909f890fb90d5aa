"""Databases of their own, beside the one that a test process shares among its tests."""

import os
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from shared.config import Settings
from shared.db.pool import connect

MakeDatabase = Callable[[str], str]


@pytest.fixture
def make_database(database_url: str) -> Iterator[MakeDatabase]:
    """Make an empty database on the same server and return its URL; dropped when the test ends."""
    made: list[str] = []

    def make(name: str) -> str:
        unique = f"{name}_{os.getpid()}"
        made.append(unique)
        run_at(database_url, f"CREATE DATABASE {unique}")
        return urlsplit(database_url)._replace(path=f"/{unique}").geturl().replace("postgresql:/", "postgresql:///", 1)

    yield make
    for name in made:
        run_at(database_url, f"DROP DATABASE {name} WITH (FORCE)")


def run_at(url: str, statements: str) -> None:
    """Run a text of one or many statements on a connection of its own."""
    connection = connect(Settings(database_url=url))
    connection.execute_simple(statements)
    connection.close()
