"""Refusals in Vercel's shape: https://vercel.com/docs/rest-api/errors"""

from bot.sandbox.vercel.model import Json


class VercelError(Exception):
    def __init__(self, status: int, code: str, message: str, **more: object) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.more = more

    def body(self) -> Json:
        return {"error": {"code": self.code, "message": str(self), **self.more}}


def not_found(what: str) -> VercelError:
    return VercelError(404, "not_found", f"{what} not found")
