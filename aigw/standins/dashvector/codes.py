"""What DashVector's API says: its codes, and what an operation tells. The status of HTTP is always 200, because its
SDKs read no body with another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

UNKNOWN = -999
EMPTY_ID = -2004
EMPTY_DOCS = -2005
BAD_VECTOR = -2011
BAD_FILTER = -2015
BAD_ID = -2016
BAD_FIELD = -2017
OTHER_DIMENSION = -2019
OTHER_TYPE = -2020
NO_COLLECTION = -2021
NO_PARTITION = -2022
NO_KEY = -2024
SAME_COLLECTION = -2025
SAME_PARTITION = -2026
SAME_KEY = -2027
UNSUPPORTED = -2031
BAD_BATCH = -2036
BAD_DIMENSION = -2037
BAD_TOP = -2041
BAD_COLLECTION_NAME = -2042
BAD_PARTITION_NAME = -2043
BAD_FIELD_NAME = -2044
TOO_MANY_IDS = -2967
BAD_VECTOR_TYPE = -2968
TOO_LARGE = -2970
VECTOR_AND_ID = -2973
BAD_ARGUMENT = -2999


class DashVectorError(Exception):
    """A refusal with DashVector's code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class OperationResult(NamedTuple):
    """The result of an operation. `usage` is what DashVector would count: units that were read or written."""

    output: Any = None
    usage: Mapping[str, int] | None = None


def unsupported(what: str) -> DashVectorError:
    return DashVectorError(UNSUPPORTED, f"{what}: this stand-in of DashVector does not support it")
