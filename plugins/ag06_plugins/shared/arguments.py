"""Arguments of operations: checked by a model, refused in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ag06d.plugin import RequestError

Model = TypeVar("Model", bound=BaseModel)
PROBLEMS_MAX: Final = 10


class Arguments(BaseModel):
    """Arguments of an operation; what it does not know is ignored, as everywhere in the protocol."""

    model_config = ConfigDict(extra="ignore")


def checked(model: type[Model], arguments: Mapping[str, Any]) -> Model:
    """The arguments of an operation; raises RequestError for wrong ones."""
    try:
        return model.model_validate(arguments)
    except ValidationError as error:
        told = error.errors()[:PROBLEMS_MAX]
        problems = "; ".join(f"{'.'.join(map(str, entry['loc']))}: {entry['msg']}" for entry in told)
        raise RequestError("bad_request", problems, "see `describe`") from error
