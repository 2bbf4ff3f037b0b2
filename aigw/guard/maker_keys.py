"""The forms of the keys of known makers: how each begins, of which characters it is, and how long it is."""

from __future__ import annotations

from zlib import crc32

AWS = r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"
GITHUB = r"\b(?:gh[oprsu]|npm)_[A-Za-z0-9]{36}\b"
LLM = r"\bsk-(?:[a-z]{2,10}[0-9]{0,2}-){0,3}[A-Za-z0-9_-]{20,200}"
SHAPES = (
    r"\bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}\b",
    r"\bgl(?:pat|dt|rt|cbt|ptt|soat)-[\w-]{20,60}",  # GitLab
    r"\bxox[abceoprs]-(?:\d{1,14}-){1,3}[A-Za-z0-9-]{16,100}",  # Slack
    r"\bhooks\.slack\.com/services/T\w{6,12}/B\w{6,12}/\w{20,32}",
    r"\bAIza[\w-]{35}\b",  # Google
    r"\bya29\.[\w-]{30,300}",
    r"\bGOCSPX-[\w-]{28}\b",
    r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,120}\b",  # Stripe
    r"\bwhsec_[A-Za-z0-9+/]{32,64}",
    r"\bhf_[A-Za-z]{34}\b",  # Hugging Face
    r"\bpypi-AgEIcHlwaS5vcmc[\w-]{50,250}",
    r"\bSG\.[\w-]{22}\.[\w-]{43}\b",  # SendGrid
    r"\bSK[0-9a-f]{32}\b",  # Twilio
    r"\bdo[opr]_v1_[a-f0-9]{64}\b",  # DigitalOcean
    r"\bgsk_[A-Za-z0-9]{52}\b",  # Groq
    r"\bxai-[A-Za-z0-9]{80}\b",
    r"\bpplx-[A-Za-z0-9]{40,60}\b",
    r"\bnvapi-[\w-]{60,80}",
    r"\btvly-(?:dev-|prod-)?[A-Za-z0-9]{32}\b",
    r"\br8_[A-Za-z0-9]{37}\b",  # Replicate
    r"\bfw_[A-Za-z0-9]{22,24}\b",  # Fireworks
    r"\bcsk-[a-z0-9]{48}\b",  # Cerebras
    r"\bLTAI[A-Za-z0-9]{12,20}\b",  # Alibaba Cloud
    r"\bAKID[A-Za-z0-9]{32}\b",  # Tencent Cloud
    r"\b[0-9a-f]{32}\.[A-Za-z0-9]{16}\b",  # Zhipu
    r"\b\d{8,10}:AA[\w-]{33}\b",  # Telegram
    r"\bdckr_pat_[\w-]{27}\b",
    r"\bshp(?:at|ss|ca|pa)_[a-fA-F0-9]{32}\b",  # Shopify
    r"\bsq0(?:atp|csp)-[\w-]{22,43}\b",  # Square
    r"\bhvs\.[\w-]{24,130}",  # Vault
    r"\bATATT3[\w=-]{100,220}",  # Atlassian
    r"\blin_api_[A-Za-z0-9]{40}\b",  # Linear
    r"\bntn_[A-Za-z0-9]{40,50}\b",  # Notion
    r"\bPMAK-[a-f0-9]{24}-[a-f0-9]{34}\b",  # Postman
    r"\bNRAK-[A-Z0-9]{27}\b",  # New Relic
    r"\bglsa_[A-Za-z0-9]{32}_[a-f0-9]{8}\b",  # Grafana
    r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b",
)
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def github_check(token: str) -> bool:
    """Whether the last six characters of a token of GitHub or npm are the CRC-32 of the thirty before them, in base
    62: examples in manuals have others."""
    number, written = crc32(token[4:-6].encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        written = _BASE62[digit] + written
    return token.endswith(written)
