"""Settings that cannot work are refused at the start, all of them at once, each by its name."""

from collections.abc import Callable

import pytest

from shared.config import ConfigurationError, Settings, read_settings, settings
from shared.endpoint import Access, Route, check_settings
from shared.queue.factory import task_queue
from shared.storage.factory import storage

SECRET = "a-test-secret-for-signatures-of-32-characters"


def test_every_unusable_variable_is_named() -> None:
    environment = {
        "DATABASE_POOL_SIZE": "0",
        "DATABASE_TIMEOUT_SECONDS": "-1",
        "VIDEO_QUEUE_MAXSIZE": "ten",
        "SUPABASE_URL": "project.supabase.co",
        "REQUEST_SIGNATURE_SECRET": "short",
        "BEHIND_API_GATEWAY": "perhaps",
        "MEDIA_STORAGE_BACKEND": "s3",
    }
    with pytest.raises(ConfigurationError) as caught:
        read_settings(environment)
    problems = str(caught.value).split("; ")
    assert sorted(problem.partition(" ")[0] for problem in problems) == sorted(environment)


@pytest.mark.parametrize(
    ("access", "signed", "current", "missing"),
    [
        ("none", False, Settings(), None),
        ("optional", False, Settings(), None),
        ("optional", True, Settings(), "REQUEST_SIGNATURE_SECRET"),
        ("optional", True, Settings(request_signature_secret=SECRET), None),
        ("optional", True, Settings(request_signature_secret=SECRET, cloud_service_name="view"), "ADDRESS_HASH_SALT"),
        ("user", False, Settings(), "SUPABASE_JWT_SECRET"),
        ("user", False, Settings(supabase_url="https://x.supabase.co"), None),
        ("account", False, Settings(supabase_jwt_secret=SECRET), None),
        ("account", False, Settings(supabase_jwt_secret=SECRET, supabase_verify="remote"), "SUPABASE_ANON_KEY"),
        ("optional", False, Settings(supabase_url="https://x", supabase_verify="remote"), "SUPABASE_ANON_KEY"),
        ("user", False, Settings(supabase_url="https://x", supabase_verify="remote", supabase_anon_key="key"), None),
        ("task", False, Settings(), None),
        ("task", False, Settings(cloud_service_name="worker"), "TASK_SERVICE_ACCOUNT"),
        ("task", False, Settings(cloud_service_name="worker", task_service_account="a@b"), None),
    ],
)
def test_a_route_that_could_let_nobody_in_does_not_start(
    access: Access, signed: bool, current: Settings, missing: str | None
) -> None:
    route = Route("name", "GET", "/path", access, signed)
    if missing is None:
        check_settings(route, current)
    else:
        with pytest.raises(ConfigurationError, match=missing):
            check_settings(route, current)


def test_a_laptops_queue_and_files_are_refused_in_the_cloud(configure: Callable[..., None]) -> None:
    configure(K_SERVICE="service", TASK_SERVICE_ACCOUNT="a@b")
    with pytest.raises(ConfigurationError, match="TASK_QUEUE_BACKEND"):
        task_queue()
    with pytest.raises(ConfigurationError, match="MEDIA_STORAGE_BACKEND"):
        storage(settings())
