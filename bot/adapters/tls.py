"""Which certificates are believed, for all clients of the process."""

import ssl
from functools import cache

import httpx


@cache
def tls_context() -> ssl.SSLContext:
    """The system's or SSL_CERT_FILE's authorities, read once: each client of its own would take a
    thirtieth of a second to read them."""
    return httpx.create_ssl_context()
