"""Which certificates the sandbox believes where it sends its events."""

import ssl
from functools import cache

import httpx


@cache
def tls_context() -> ssl.SSLContext:
    """Read once, for all the sandboxes of a process."""
    return httpx.create_ssl_context()
