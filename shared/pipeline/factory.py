"""Puts the pipeline together from the settings, for the two routes that run it."""

from shared.config import Settings
from shared.generation.factory import provider
from shared.pipeline.run import Pipeline
from shared.storage.factory import storage


def pipeline(settings: Settings) -> Pipeline:
    """Return a pipeline with the configured provider and storage. Raises ConfigurationError."""
    return Pipeline(settings, provider(settings), storage(settings))
