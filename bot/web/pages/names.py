"""Names in addresses: what GitHub could not have given to anything is not asked of the store."""

import re

from starlette.exceptions import HTTPException
from starlette.requests import Request

_OWNER = re.compile(r"[A-Za-z0-9_-]{1,100}")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_ID = re.compile(r"[1-9][0-9]{0,17}")
_LONGEST_ENVIRONMENT = 255
_LONGEST_OBJECTIVE = 255


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


def requested_operation(request: Request) -> int:
    """The operation's id.

    Raises:
        HTTPException: 404, no operation can have it.
    """
    found = request.path_params["operation"]
    if not _ID.fullmatch(found):
        raise HTTPException(404)
    return int(found)


def requested_environment(request: Request) -> str:
    """The environment's name, of which the policy's own rule asks no more.

    Raises:
        HTTPException: 404, no environment can be called that.
    """
    name: str = request.path_params["environment"]
    if not 0 < len(name) <= _LONGEST_ENVIRONMENT or not name.isprintable():
        raise HTTPException(404)
    return name


def requested_objective(request: Request) -> str:
    """The objective's name.

    Raises:
        HTTPException: 404, no objective can be called that.
    """
    name: str = request.path_params["objective"]
    if not 0 < len(name) <= _LONGEST_OBJECTIVE or not name.isprintable():
        raise HTTPException(404)
    return name
