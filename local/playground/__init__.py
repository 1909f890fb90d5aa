"""The playground: a page that uses the whole service, and a look behind it. Only on a laptop, never deployed."""

from local.playground.app import create_app
from local.playground.signing import SigningProxy

__all__ = ["SigningProxy", "create_app"]
