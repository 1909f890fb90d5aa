"""The settings choose the provider; the other one is not even imported."""

import subprocess
import sys

import pytest

from shared.config import ConfigurationError, read_settings
from shared.generation.factory import provider
from shared.generation.flow import FlowProvider
from shared.generation.veo import VeoProvider

FLOW = {"FLOW_PROJECT_ID": "p", "FLOW_SESSION_TOKEN": "s"}
VEO = {"GENERATION_PROVIDER": "veo", "GCS_BUCKET": "clips", "VEO_API_URL": "http://127.0.0.1:9"}


def test_the_settings_choose_and_one_object_serves_the_process() -> None:
    flow, veo = read_settings(FLOW), read_settings(VEO)
    assert isinstance(provider(flow), FlowProvider)
    assert isinstance(provider(veo), VeoProvider)
    assert provider(read_settings(FLOW)) is provider(flow)


@pytest.mark.parametrize(
    ("environment", "missing"),
    [
        ({"FLOW_SESSION_TOKEN": "s"}, "FLOW_PROJECT_ID"),
        ({"FLOW_PROJECT_ID": "p"}, "FLOW_SESSION_TOKEN"),
        ({"GENERATION_PROVIDER": "veo"}, "GCS_BUCKET"),
    ],
)
def test_what_is_missing_is_named(environment: dict[str, str], missing: str) -> None:
    with pytest.raises(ConfigurationError, match=missing):
        provider(read_settings(environment))


def test_flow_does_not_pay_for_googles_sdk() -> None:
    program = f"""
import sys
from shared.config import read_settings
from shared.generation.factory import provider
provider(read_settings({FLOW!r}))
print([name for name in sys.modules if name.startswith(("google.auth", "google.genai"))])
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
