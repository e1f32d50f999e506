"""The names that messages, and the changelogs made of them, go by."""

from typing import Annotated, TypeAlias

from pydantic import StringConstraints

TypeName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^\w[\w-]*$", max_length=50)]
