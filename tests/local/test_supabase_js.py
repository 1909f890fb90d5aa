import time
from pathlib import Path

import pytest

from local.supabase_twin import anon_key
from tests.local.supabase_server import JWT_SECRET, running_twin
from tests.node_project import NODE, installed, run_tests

PROJECT = NODE / "supabase"


@pytest.mark.parametrize(("algorithm", "jwt_secret"), [("ES256", None), ("HS256", JWT_SECRET)])
def test_the_real_supabase_js_works(tmp_path: Path, algorithm: str, jwt_secret: str | None) -> None:
    installed(PROJECT)
    with running_twin(tmp_path, jwt_secret, time.time, reuse_interval_seconds=0) as origin:
        run_tests(
            PROJECT,
            SUPABASE_URL=origin,
            SUPABASE_ANON_KEY=anon_key(jwt_secret),
            TOKEN_ALGORITHM=algorithm,
        )


def test_the_lock_file_pins_versions_and_names_no_registry() -> None:
    lock = (PROJECT / "package-lock.json").read_text()
    assert "://" not in lock
    assert '"@supabase/supabase-js": "2.109.0"' in lock
