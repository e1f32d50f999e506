"""The ways GitHub says no, with the bodies that it gives.

https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api
"""

from collections.abc import Mapping, Sequence
from typing import Final

from bot.sandbox.model import Json

DOCS: Final = "https://docs.github.com/rest"


class ApiError(Exception):
    """An answer other than success; ``str`` of it is GitHub's ``message``."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: Sequence[Json | str] | None = None,
        docs: str = DOCS,
        headers: Mapping[str, str] | None = None,
        extra: Json | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.errors = errors
        self.docs = docs
        self.headers = dict(headers or {})
        self.extra = extra or {}

    def body(self) -> Json:
        body: Json = {"message": str(self)}
        if self.errors is not None:
            body["errors"] = list(self.errors)
        return body | {"documentation_url": self.docs, "status": str(self.status)} | self.extra


def not_found() -> ApiError:
    return ApiError(404, "Not Found")


def bad_credentials() -> ApiError:
    return ApiError(401, "Bad credentials")


def not_accessible(asker: str = "integration") -> ApiError:
    return ApiError(403, f"Resource not accessible by {asker}")


def invalid(resource: str, field: str, code: str, message: str = "") -> ApiError:
    """422 ``Validation Failed`` with one entry in ``errors``."""
    entry: Json = {"resource": resource, "code": code, "field": field}
    if message:
        entry["message"] = message
    return ApiError(422, "Validation Failed", errors=[entry])


def custom_invalid(resource: str, message: str) -> ApiError:
    entry = {"resource": resource, "code": "custom", "message": message}
    return ApiError(422, "Validation Failed", errors=[entry])


def schema_invalid(message: str) -> ApiError:
    """422 for a body that does not fit the operation's schema."""
    return ApiError(422, f"Invalid request.\n\n{message}")
