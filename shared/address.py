"""The caller's network address, never stored or logged as it is."""

import hmac
from ipaddress import IPv6Address, ip_address, ip_network


def hashed_address(remote: str | None, forwarded_for: str | None, *, behind_proxy: bool, salt: str) -> str:
    """Return 32 hexadecimal digits that stand for one caller; a whole IPv6 /64 counts as one.

    Behind Google's front end the address it saw is the last but one entry of `X-Forwarded-For` when a gateway adds
    itself, and everything to its left is whatever the caller wrote. Elsewhere the header is ignored.
    """
    entries = [entry.strip() for entry in (forwarded_for or "").split(",") if entry.strip()]
    text = entries[-2 if len(entries) > 1 else -1] if behind_proxy and entries else remote or ""
    return hmac.digest(salt.encode(), _network(text).encode(), "sha256").hex()[:32]


def _network(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        return text
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(ip_network((int(address), 64), strict=False))
    return str(address)
