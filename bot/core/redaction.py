"""Take secrets out of a text before it is logged, stored or shown.

A safety net below the rule that secrets are never put into a text in the first place. The shapes
are those of https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats
and of the libraries' own messages.
"""

import re

MASK = "[redacted]"

_SECRETS = re.compile(
    r"""
      -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----.*?(?:-----END[ ][A-Z ]*PRIVATE[ ]KEY-----|\Z)
    | \bgh[pousr]_[A-Za-z0-9_.\-]{16,}
    | \bgithub_pat_[A-Za-z0-9_]{20,}
    | \bv1\.[0-9a-f]{40}\b
    | \beyJ[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*
    | \bsha(?:256|1)=[0-9a-fA-F]{40,64}
    """,
    re.VERBOSE | re.DOTALL,
)
_LABELLED = re.compile(
    r"(?i)\b(?P<label>(?:bearer|token|basic)\s+"
    r"|(?:password|passwd|secret|api[_-]?key|access[_-]?token)[\"']?\s*[=:]\s*[\"']?)"
    r"(?P<value>[^\s\"',;&]{6,})"
)
_URL_PASSWORD = re.compile(r"(?P<before>\b[a-z][a-z0-9+.\-]*://[^\s/:@]*:)[^\s@]+(?=@)")


def redact(text: str) -> str:
    """The text with whatever has the shape of a key, token, signature or password masked."""
    text = _SECRETS.sub(MASK, text)
    text = _URL_PASSWORD.sub(rf"\g<before>{MASK}", text)
    return _LABELLED.sub(rf"\g<label>{MASK}", text)
