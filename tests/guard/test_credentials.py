"""Secrets, in pieces here, so that no scanner takes this file for a leak."""

import pytest

from aigw.guard.credentials import MOST_PEM, find

GITHUB = "ghp_" + "FAKE" * 7 + "00" + "2wbUex"
BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" * 4
BEGIN, END = "-----BEGIN " + "PRIVATE KEY-----", "-----END " + "PRIVATE KEY-----"
JWT = ".".join(("eyJ" + "hbGciOiJIUzI1NiJ9", "eyJ" + "zdWIiOiIxMjM0NSJ9", "4twFt5NiznN84AWoo1d7KO1T"))
VALUE = "x9K2mP4" + "qR7tW1z"


def found(text, strict=False):
    return list(dict.fromkeys((hit.rule, text[hit.start : hit.end]) for hit in find(text, strict)))


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (f"token {GITHUB}'", ("github-token", GITHUB)),
        (f"密钥{GITHUB}。", ("github-token", GITHUB)),
        ("the key AKIA" + "IOSFODNN7EXAMPLE", ("aws-key", "AKIA" + "IOSFODNN7EXAMPLE")),
        ("use sk-" + "a1b2c3d4e5f6" * 3, ("llm-key", "sk-" + "a1b2c3d4e5f6" * 3)),
        (f"see {JWT} there", ("jwt", JWT)),
        (
            "连接串是 postgres://app:Sample-" + "Passw0rd@db.example.internal:5432/app，",
            ("url-password", "Sample-" + "Passw0rd"),
        ),
        (f"password={VALUE}", ("password", VALUE)),
        (f'"api_key": "{VALUE}",', ("password", VALUE)),
        (f"DB_PASSWORD: '{VALUE}'", ("password", VALUE)),
        (f"export SECRET_KEY={VALUE};", ("password", VALUE)),
        (f'{{\\"token\\": \\"{VALUE}\\"}}', ("password", VALUE)),
        (f"my password is {VALUE}.", ("password", VALUE)),
        (f"密码是{VALUE}，别外传", ("password", VALUE)),
        (f"Authorization: Bearer {VALUE}{VALUE}", ("authorization", VALUE + VALUE)),
        (f"a\n{BEGIN}\n{BODY}\n{END}\nb", ("private-key", f"{BEGIN}\n{BODY}\n{END}")),
        (f"{BEGIN}\n{BODY}", ("private-key", f"{BEGIN}\n{BODY}")),
        (f"{BEGIN}\\n{BODY}\\n{END}", ("private-key", f"{BEGIN}\\n{BODY}\\n{END}")),
    ],
)
def test_found(text, finding):
    assert finding in found(text)


@pytest.mark.parametrize(
    "text",
    [
        GITHUB[:-1] + "y",
        "max_tokens: 4096, tokens = 12345678A, token_count: 123456Aa",
        "password: ${DB_PASSWORD}, api_key=os.environ['X'], secret: <your-Secret1>",
        "the password is wrong, the secret is out, 密码是什么？密码为空",
        'password = getpass.getpass("Password1: ")',
        "token = utf8_to_Utf16(v)",
        "https://user:pass@host/repo, http://abc:xyz@h.io, redis://127.0.0.1:6379/0",
        "basic authentication, bearer of bad news and so on",
        'verify_token="eyJhbGciOiJIUzI1NiJ9..."',
        "https://foo.com:123,foo:bar@bar.com/path",
        f"{BEGIN}\nXXXX\n{END}",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "key-value, Authorization: Bearer <token>",
    ],
)
def test_not_found(text):
    assert found(text) == []


def test_found_where_more_is_asked_for():
    assert found("password=hunter22") == []
    assert found("password=hunter22", strict=True) == [("password", "hunter22")]
    assert found(GITHUB[:-1] + "y", strict=True) == [("github-token", GITHUB[:-1] + "y")]


def test_a_private_key_has_an_end():
    text = f"{BEGIN}\n" + "A1b2C3d4E5f6g7H8i9" * 2000
    ((_, first), *_) = found(text)
    assert len(first) == MOST_PEM
