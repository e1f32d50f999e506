"""Regular expressions from a policy file: RE2 alone, so that none can hang a worker."""

from typing import Any

import re2  # type: ignore[import-untyped]


def compile_pattern(pattern: str) -> Any:
    """Raises ValueError, in words for whoever wrote it. https://github.com/google/re2/wiki/Syntax"""
    options = re2.Options()
    options.log_errors = False  # RE2 would write to standard error by itself
    options.max_mem = 1 << 20
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "no reason given"
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"this is not an RE2 pattern: {text}") from None
