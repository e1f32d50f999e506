"""Names in addresses: what GitHub could not have given to anything is not asked of the store."""

import re

from starlette.exceptions import HTTPException
from starlette.requests import Request

_OWNER = re.compile(r"[A-Za-z0-9_-]{1,100}")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


def requested_repository(request: Request) -> tuple[str, str]:
    """Owner and name.

    Raises:
        HTTPException: 404, no repository can have this name.
    """
    owner, name = request.path_params["owner"], request.path_params["name"]
    if not _OWNER.fullmatch(owner) or not _NAME.fullmatch(name):
        raise HTTPException(404)
    return owner, name


def requested_number(request: Request) -> int:
    """The pull request's number.

    Raises:
        HTTPException: 404, it is no such number.
    """
    number = request.path_params["number"]
    if not _NUMBER.fullmatch(number):
        raise HTTPException(404)
    return int(number)
