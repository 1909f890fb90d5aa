"""Cross-origin rules for browsers that call without the frontend's proxy. https://fetch.spec.whatwg.org/#http-cors-protocol"""

# One function answers the preflight for every method of its path, so the list is the API's, not the route's.
PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PATCH, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, If-None-Match, "
    "X-InstaVeo-Timestamp, X-InstaVeo-Signature, X-Request-Id, apikey, x-client-info",
    "Access-Control-Max-Age": "7200",
}
_EXPOSED_HEADERS = (
    "Retry-After, RateLimit, RateLimit-Policy, ETag, Link, Location, Idempotent-Replayed, X-Request-Id, "
    "Accept-Ranges, Content-Range, Content-Length"
)


def origin_headers(origin: str | None, allowed_origins: tuple[str, ...]) -> dict[str, str]:
    """Return the headers that let a page of `origin` read the answer; without an allowed origin only `Vary`."""
    if origin is None or not ("*" in allowed_origins or origin in allowed_origins):
        return {"Vary": "Origin"}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": _EXPOSED_HEADERS,
        "Vary": "Origin",
    }
