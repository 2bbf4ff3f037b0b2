"""Names and types are those that DashVector allows."""

import pytest

from aigw.standins.dashvector.codes import (
    BAD_COLLECTION_NAME,
    BAD_FIELD,
    BAD_FIELD_NAME,
    BAD_ID,
    BAD_PARTITION_NAME,
    OTHER_TYPE,
    DashVectorError,
)
from aigw.standins.dashvector.names import (
    check_collection,
    check_fields,
    check_id,
    check_partition,
    check_schema,
)

SCHEMA = {"s": "STRING", "i": "INT", "f": "FLOAT", "b": "BOOL", "many": "ARRAY_LONG"}


def code(check, *values):
    with pytest.raises(DashVectorError) as caught:
        check(*values)
    return caught.value.code


def test_names():
    check_collection("a-1_b")
    check_partition("default")
    check_id("a_-!@#$%+=.1")
    for name in ("", "ab", "x" * 33, "a.b", "a/b", "ünü", "abc\n"):
        assert code(check_collection, name) == BAD_COLLECTION_NAME
        assert code(check_partition, name) == BAD_PARTITION_NAME
    for id_ in ("", "x" * 65, "a b", "a/b", "中"):
        assert code(check_id, id_) == BAD_ID


def test_declared_fields():
    check_schema(SCHEMA)
    assert code(check_schema, {"x": "DATE"}) == BAD_FIELD
    assert code(check_schema, {"x": "ARRAY_BOOL"}) == BAD_FIELD
    assert code(check_schema, {"a.b": "INT"}) == BAD_FIELD_NAME
    assert code(check_schema, {"proxima_vector": "INT"}) == BAD_FIELD_NAME


def test_fields_of_documents():
    check_fields({"s": "x", "i": 1, "f": 1, "b": False, "many": [1, 2], "s2": "free", "n": 1.5, "gone": None}, SCHEMA)
    for fields in ({"s": 1}, {"i": 1.5}, {"i": True}, {"f": "1"}, {"f": False}, {"b": 1}, {"many": 1}, {"many": ["x"]}):
        assert code(check_fields, fields, SCHEMA) == OTHER_TYPE
    assert code(check_fields, {"free": [1]}, SCHEMA) == BAD_FIELD
    assert code(check_fields, {"free": {}}, SCHEMA) == BAD_FIELD
    assert code(check_fields, {str(number): 1 for number in range(1025)}, {}) == BAD_FIELD
    assert code(check_fields, {"a b": 1}, {}) == BAD_FIELD_NAME
