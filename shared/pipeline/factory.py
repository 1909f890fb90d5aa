"""Puts the pipeline together from the settings, for the two routes that run it."""

from shared.config import ConfigurationError, Settings
from shared.errors import ApiError
from shared.generation.factory import provider
from shared.generation.provider import Provider
from shared.pipeline.run import Pipeline
from shared.storage.factory import storage


def pipeline(settings: Settings) -> Pipeline:
    """Return a pipeline with the configured provider and storage. Raises ApiError `not_configured`."""
    try:
        return Pipeline(settings, configured_provider(settings), storage(settings))
    except ConfigurationError as error:
        raise ApiError("not_configured", cause=str(error)) from error


def configured_provider(settings: Settings) -> Provider:
    """Return the configured provider. Raises ApiError `not_configured`."""
    try:
        return provider(settings)
    except ConfigurationError as error:
        raise ApiError("not_configured", cause=str(error)) from error
