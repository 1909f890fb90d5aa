"""The Supabase Auth twin for local development."""

from local.supabase_twin.app import create_app
from local.supabase_twin.keys import anon_key

__all__ = ["anon_key", "create_app"]
