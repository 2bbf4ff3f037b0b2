"""Alibaba Cloud's Content Security (green-cip, version 2022-03-02): asks what it finds in a text.

`today` is the form that Higress's plugin speaks since September 2024 (a form, signed with V3), `original` the one
before (all in the query, signed as RPC)."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import msgspec
from msgspec import Meta, Struct

from aigw.clients.callout import Callout, CalloutError
from aigw.clients.signatures import rpc_query, v3_authorization
from aigw.core.env import Clock

STANDIN = "green-cip"
"""The name of its stand-in."""
SIGNED_STANDIN = "green-cip-signed"
"""The one for callers over HTTP, which checks their signatures."""
HOSTS = tuple(
    f"green-cip{network}.{region}.aliyuncs.com"
    for region in ("cn-shanghai", "cn-beijing", "cn-hangzhou", "cn-shenzhen", "cn-chengdu", "ap-southeast-1")
    for network in ("", "-vpc")
)
"""The names of the service in its regions."""
VERSION = "2022-03-02"
AGENT = "CIPFrom/AIGateway"
FORM = "application/x-www-form-urlencoded"
IMAGE_ACTION, BASE64_ACTION = "MultiModalGuard", "MultiModalGuardForBase64"
"""The APIs that look at an image."""
NO_LABEL = "nonLabel"
"""The label of a text in which nothing was found."""

_HALF = re.compile("[\ud800-\udfff]")

Form = Literal["today", "original"]


class RiskLabel(Struct, rename="pascal"):
    """A label, and the words because of which it was given."""

    label: str | None = ""
    risk_words: str | None = ""
    confidence: float | None = None


class Advice(Struct, rename="pascal"):
    """What the service would answer in the place of the model."""

    answer: str | None = ""
    hit_label: str | None = ""


class Extra(Struct, rename="pascal"):
    desensitization: str | None = ""


class Part(Struct, rename="pascal"):
    """A result of a detail. `ext.desensitization` is the whole text with what is sensitive masked."""

    label: str | None = ""
    ext: Extra | None = None


class Detail(Struct, rename="pascal"):
    """What one of the checks of MultiModalGuard says: `type` is contentModeration, promptAttack, sensitiveData,
    maliciousUrl, modelHallucination or customLabel."""

    type: str | None = ""
    level: str | None = ""
    suggestion: str | None = ""
    result: Sequence[Part] | None = ()


class Data(Struct, rename="pascal"):
    risk_level: str | None = ""
    attack_level: str | None = ""
    suggestion: str | None = ""
    result: Sequence[RiskLabel] | None = ()
    advice: Sequence[Advice] | None = ()
    detail: Sequence[Detail] | None = ()
    pending: int | None = None
    """Only the stand-in fills this: how many characters at the end of the text may be the beginning of a finding, if
    the text goes on."""


class Moderation(Struct, rename="pascal"):
    """An answer of the service."""

    code: Annotated[int, Meta(description="200, otherwise it has failed")] = 0
    message: str | None = ""
    request_id: str | None = ""
    data: Data | None = None


class GreenCip:
    """Asks the service with one key. `action` is TextModerationPlus or MultiModalGuard."""

    def __init__(
        self,
        callout: Callout,
        *,
        key_id: str,
        secret: str,
        token: str = "",
        action: str = "TextModerationPlus",
        form: Form = "today",
        clock: Clock,
        random: random.Random,
    ) -> None:
        self.callout = callout
        self._key_id = key_id
        self._secret = secret
        self._token = token
        self._action = action
        self._clock = clock
        self._random = random
        self._ask: Callable[[str, str, str], tuple[str, dict[str, str], bytes]] = (
            self._today if form == "today" else self._original
        )

    def session(self) -> str:
        """A new id for the texts that belong together: 20 hex digits."""
        return f"{self._random.getrandbits(80):020x}"

    async def check(self, service: str, text: str, session: str, *, goes_on: bool = False) -> Moderation:
        """`goes_on` asks the stand-in for `Data.pending`, too. Raises CalloutError, also where the service says that it
        has failed."""
        if (beside := self.callout.beside) is not None:  # as a request, two texts of 800 characters take 0.5 ms more
            said: Moderation = await self.callout.ask(beside, service, readable(text), goes_on)
            return said
        return await self._send(self._ask(service, text, session))

    async def check_image(self, service: str, image: str, session: str) -> Moderation:
        """Does the same for an image, which is a URL, or a `data:` URL with the image itself. Only today's form."""
        form, action = {"requestFrom": AGENT, "sessionId": session}, IMAGE_ACTION
        given: dict[str, str] = {}
        if image.startswith("data:"):
            action, given = BASE64_ACTION, {"ImageBase64Str": image.partition(",")[2]}
        parameters = form if given else {"imageUrls": [image], **form}
        return await self._send(self._signed(service, action, parameters, given))

    async def _send(self, request: tuple[str, dict[str, str], bytes]) -> Moderation:
        answer = await self.callout.send(*request, Moderation)
        if answer.code != 200:
            raise CalloutError(f"{STANDIN} answered code {answer.code}: {answer.message}")
        return answer

    def _today(self, service: str, text: str, session: str) -> tuple[str, dict[str, str], bytes]:
        parameters = {"content": readable(text), "requestFrom": AGENT, "sessionId": session}
        return self._signed(service, self._action, parameters, {})

    def _signed(
        self, service: str, action: str, parameters: Mapping[str, Any], more: Mapping[str, str]
    ) -> tuple[str, dict[str, str], bytes]:
        body = urlencode({"ServiceParameters": _json(parameters), **more}).encode()
        query = urlencode({"Service": service})
        headers = {
            "content-type": FORM,
            "host": self.callout.authority,
            "x-acs-action": action,
            "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
            "x-acs-date": _date(self._clock),
            "x-acs-signature-nonce": self._nonce(),
            "x-acs-version": VERSION,
        }
        if self._token:
            headers["x-acs-security-token"] = self._token
        authorization = v3_authorization(
            self._key_id, self._secret, method="POST", path="/", query=query, headers=headers, body=body
        )
        del headers["host"]  # the transport writes it
        return f"/?{query}", {**headers, "user-agent": AGENT, "authorization": authorization}, body

    def _original(self, service: str, text: str, session: str) -> tuple[str, dict[str, str], bytes]:
        parameters = {
            "AccessKeyId": self._key_id,
            "Action": self._action,
            "Format": "JSON",
            "Service": service,
            "ServiceParameters": f'{{"content": {_json(readable(text))}}}',
            "SignatureMethod": "Hmac-SHA1",
            "SignatureNonce": self._nonce(),
            "SignatureVersion": "1.0",
            "Timestamp": _date(self._clock),
            "Version": VERSION,
        }
        return f"/?{rpc_query(self._secret, method='POST', parameters=parameters)}", {}, b""

    def _nonce(self) -> str:
        return f"{self._random.getrandbits(128):032x}"


def readable(text: str) -> str:
    """The text as the service reads it, with a sign for each half of a character: others cut emojis, and UTF-8 cannot
    write that."""
    return text if text.isascii() else _HALF.sub("\ufffd", text)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _date(clock: Clock) -> str:
    return datetime.fromtimestamp(clock.time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
