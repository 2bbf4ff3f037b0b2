"""Addresses of a Redis: what they mean, what is wrong with one, and that a password is never told."""

import pytest

from aigw.stores.redis.url import RedisAddress, is_redis_url, parse_redis_url


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://h", RedisAddress("redis://h", "single", (("h", 6379),))),
        ("REDIS://h:1/", RedisAddress("redis://h:1", "single", (("h", 1),))),
        ("redis://[::1]:7/3", RedisAddress("redis://[::1]:7", "single", (("::1", 7),), database=3)),
        (
            "redis://u:p%40w@h/0?prefix=team1:",
            RedisAddress("redis://h", "single", (("h", 6379),), 0, prefix="team1:", credentials=("u", "p@w")),
        ),
        ("redis://:p@h", RedisAddress("redis://h", "single", (("h", 6379),), credentials=("", "p"))),
        ("redis://@h", RedisAddress("redis://h", "single", (("h", 6379),), credentials=("", ""))),
        ("rediss://h:6380", RedisAddress("rediss://h:6380", "single", (("h", 6380),), tls={})),
        (
            "rediss://h?ssl_ca_certs=/ca.pem&ssl_cert_reqs=none",
            RedisAddress(
                "rediss://h", "single", (("h", 6379),), tls={"ssl_ca_certs": "/ca.pem", "ssl_cert_reqs": "none"}
            ),
        ),
        (
            "redis+sentinel://u:p@a,b:2/mymaster/1?sentinel_password=s",
            RedisAddress(
                "redis+sentinel://a,b:2/mymaster", "sentinel", (("a", 26379), ("b", 2)), 1, "mymaster",
                credentials=("u", "p"), sentinel_credentials=("", "s"),
            ),
        ),
        (
            "rediss+cluster://a:7000,b:7001",
            RedisAddress("rediss+cluster://a:7000,b:7001", "cluster", (("a", 7000), ("b", 7001)), tls={}),
        ),
    ],
)  # fmt: skip
def test_addresses(url, address):
    assert is_redis_url(url)
    assert parse_redis_url(url) == address


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://h", "must begin with one of redis://"),
        ("redis://", "is not a host"),
        ("redis://u:s3cret@h:x", "is not a host"),
        ("redis://a,b", r"several hosts need redis\+sentinel"),
        ("redis://h/x", "must end with the number of a database"),
        ("redis://h/0/1", "must end with the number of a database"),
        ("redis://h?prefx=a", "unknown option 'prefx'; there are prefix, "),
        ("redis+sentinel://h", "name of the master"),
        ("redis+cluster://h/1", "no database but 0"),
        ("redis://s3cret@[h", "IPv6"),
    ],
)
def test_what_is_wrong(url, problem):
    with pytest.raises(ValueError, match=problem) as caught:
        parse_redis_url(url)
    assert "s3cret" not in str(caught.value)


def test_a_password_is_never_told():
    address = parse_redis_url("redis+sentinel://u:s3cret@h/m?sentinel_password=s3cret")
    assert "s3cret" not in repr(address) + address.name


@pytest.mark.parametrize("url", ["http://h", "builtin://x", "", "redis"])
def test_other_urls(url):
    assert not is_redis_url(url)
