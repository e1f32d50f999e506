"""Make the sandbox fail the way Vercel fails. The rest is ``bot.sandbox.faults``."""

from collections.abc import Mapping

from bot.sandbox.faults import Fault, Faults

_CODES = {
    400: "bad_request",
    401: "unauthorized",
    402: "payment_required",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    410: "deployment_deleted",
    422: "unprocessable_entity",
    429: "rate_limited",
}


class VercelFaults(Faults):
    """Faults of the API, first planned first hit. A route is ``METHOD /path`` with ``*`` for any
    text; a domain's page is asked as ``GET //domain/path``."""

    def answer(
        self,
        route: str,
        status: int,
        *,
        times: int | None = 1,
        skip: int = 0,
        after: bool = False,
        message: str = "Something went wrong",
        headers: Mapping[str, str] | None = None,
        **more: object,
    ) -> Fault:
        """Answer with this status, in Vercel's shape. ``more`` goes beside the message."""
        code = _CODES.get(status, "internal_server_error")
        return self.add(
            Fault(
                route,
                "answer",
                status,
                {"error": {"code": code, "message": message, **more}},
                headers or {},
                times=times,
                skip=skip,
                after=after,
            )
        )

    def rate_limit(self, route: str = "*", *, reset_at: int, times: int | None = 1) -> Fault:
        """Too many requests until ``reset_at`` (seconds since 1970)."""
        headers = {
            "x-ratelimit-limit": "500",
            "x-ratelimit-remaining": "0",
            "x-ratelimit-reset": str(reset_at),
        }
        return self.answer(
            route,
            429,
            times=times,
            headers=headers,
            message="Too many requests",
            limit={"total": 500, "remaining": 0, "reset": reset_at},
        )

    def expire_token(self, *, skip: int = 0) -> Fault:
        """After so many requests no token is taken any more."""
        return self.answer(
            "* /v*", 403, times=None, skip=skip, message="Not authorized", invalidToken=True
        )
