"""The language of a passage, as far as it matters to search."""

import pytest

from aigw.core.retrieval import cjk_share, language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How do I install it?", "other"),
        ("如何安装它？", "cjk"),
        ("どうやってインストールしますか", "cjk"),
        ("어떻게 설치합니까", "cjk"),
        ("Mit Umlauten: Größe", "other"),
        ("运行 apt install redis-server 安装软件包", "other"),
        ("运行 apt 安装 redis 软件包，然后启动服务", "cjk"),
        ("", "other"),
        ("12 + 34 = 46", "other"),
    ],
)
def test_language(text, language):
    assert language_of(text) == language


def test_the_share_is_one_of_letters():
    assert cjk_share("中文 ab, 1234 !!!") == 0.5
    assert cjk_share("𠀀") == 1.0
