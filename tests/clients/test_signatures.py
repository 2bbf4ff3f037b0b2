"""aigw/clients/signatures.py: the answers that Alibaba Cloud's own pages give for their examples."""

import hashlib
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.clients.signatures import is_rpc, is_v3, read_v3, rpc_query, rpc_signature, v3_authorization

V3 = {
    "method": "POST",
    "path": "/",
    "query": "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai",
    "headers": {
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-version": "2014-05-26",
    },
    "body": b"",
}
RPC = {
    "AccessKeyId": "testid",
    "Action": "DescribeRegions",
    "Format": "XML",
    "SignatureMethod": "HMAC-SHA1",
    "SignatureNonce": "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
    "SignatureVersion": "1.0",
    "Timestamp": "2016-02-23T12:46:24Z",
    "Version": "2014-05-26",
}


def test_the_published_example_of_v3():
    header = v3_authorization("YourAccessKeyId", "YourAccessKeySecret", **V3)
    assert header == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;"
        "x-acs-signature-nonce;x-acs-version,"
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


def test_the_published_example_of_rpc():
    assert rpc_signature("testsecret", method="GET", parameters=RPC.items()) == "OLeaidS1JvxuMvnyHOwuJ+uX5qY="


@given(st.dictionaries(st.text(), st.text()), st.text("ab %\n\u4f60/~+&=*", min_size=40))
def test_the_signed_query_is_that_of_urllib(parameters, long):
    parameters = {**parameters, "Action": "a", "Content": long}
    signed = {**parameters, "Signature": rpc_signature("secret", method="POST", parameters=parameters.items())}
    given = rpc_query("secret", method="POST", parameters=parameters)
    assert sorted(given.split("&")) == sorted(urlencode(signed).split("&"))
    assert is_rpc("secret", method="POST", parameters=signed)


def test_what_is_signed_is_recognized():
    signed = read_v3(v3_authorization("id", "secret", **V3))
    assert signed is not None
    assert signed.key_id == "id"
    assert is_v3(signed, "secret", **V3)


@pytest.mark.parametrize(
    "change",
    [
        {"method": "GET"},
        {"path": "/x"},
        {"query": "ImageId=other"},
        {"body": b"x"},
        {"headers": {**V3["headers"], "x-acs-action": "Other"}},
        {"body": b"x", "headers": {**V3["headers"], "x-acs-content-sha256": hashlib.sha256(b"x").hexdigest()}},
    ],
)
def test_any_change_is_noticed(change):
    signed = read_v3(v3_authorization("id", "secret", **V3))
    assert not is_v3(signed, "secret", **{**V3, **change})
    assert not is_v3(signed, "other", **V3)


def test_a_signature_without_the_body_is_none():
    headers = {"host": "h", "x-acs-date": "d"}
    signed = read_v3(v3_authorization("id", "s", method="POST", path="/", query="", headers=headers, body=b""))
    assert not is_v3(signed, "s", method="POST", path="/", query="", headers=headers, body=b"")


@given(st.text())
def test_other_headers_are_no_signature(text):
    assert read_v3(text) is None or text.startswith("ACS3-HMAC-SHA256 ")


@pytest.mark.parametrize("signature", ["", "OLeaidS1JvxuMvnyHOwuJ+uX5qX=", "é", "\udc80"])
def test_other_parameters_of_rpc_are_no_signature(signature):
    assert is_rpc("testsecret", method="GET", parameters={**RPC, "Signature": "OLeaidS1JvxuMvnyHOwuJ+uX5qY="})
    assert not is_rpc("testsecret", method="GET", parameters={**RPC, "Signature": signature})


def test_a_signature_of_v3_that_is_no_ascii_is_none():
    header = v3_authorization("YourAccessKeyId", "YourAccessKeySecret", **V3).partition("Signature=")[0]
    assert not is_v3(read_v3(f"{header}Signature=é"), "YourAccessKeySecret", **V3)
