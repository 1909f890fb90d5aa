"""What the runner makes up, and what gives way when a person names the real thing."""

import pytest

from local.environment import local_environment, needs_postgres, stand_ins


def test_with_nothing_given_everything_is_a_stand_in() -> None:
    assert stand_ins({}) == ["supabase", "flow"]
    assert needs_postgres({})
    environment = local_environment({"PORT": "8123"})
    assert environment["SUPABASE_URL"] == environment["WORKER_URL"] == "http://localhost:8123"
    assert environment["FLOW_API_STATUS_URL"].startswith("http://localhost:8123/twins/flow/")
    assert len(environment["REQUEST_SIGNATURE_SECRET"]) >= 32


def test_what_is_empty_is_not_set() -> None:
    names = ("SUPABASE_URL", "REQUEST_SIGNATURE_SECRET", "FLOW_PROJECT_ID", "STAND_INS", "PORT")
    assert local_environment(dict.fromkeys(names, "")) == local_environment({})


@pytest.mark.parametrize(
    ("variable", "left"),
    [
        ({"SUPABASE_URL": "https://project.supabase.co"}, ["flow"]),
        ({"FLOW_SESSION_TOKEN": "a-session"}, ["supabase"]),
        ({"FLOW_ACCESS_TOKEN": "a-token"}, ["supabase"]),
        ({"GENERATION_PROVIDER": "veo"}, ["supabase"]),
    ],
)
def test_one_variable_replaces_a_stand_in(variable: dict[str, str], left: list[str]) -> None:
    assert stand_ins(variable) == left


def test_the_real_flow_is_not_sent_to_the_twin() -> None:
    environment = local_environment({"FLOW_SESSION_TOKEN": "a-session"})
    assert not any("/twins/flow" in value for value in environment.values())
    # The clips then come from where Google keeps them, which is the default of the settings.
    assert "MEDIA_SOURCE_HOSTS" not in environment


@pytest.mark.parametrize("name", ["DATABASE_URL", "SUPABASE_DB_URL", "CLOUD_SQL_INSTANCE"])
def test_a_named_database_is_used(name: str) -> None:
    assert not needs_postgres({name: "something"})


def test_what_a_person_sets_wins() -> None:
    given = {"VIDEO_CREATION_COOLDOWN_SECONDS": "120", "MEDIA_ROOT": "elsewhere"}
    assert given.items() <= local_environment(given).items()
