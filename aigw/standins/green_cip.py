"""Content Security's API for texts, answered by the screen of this machine.

A finding that is only reported becomes an attack level or a mild risk. One that is masked becomes a detail of sensitive
data with the masked text. One that is blocked has the level of its rule, and advice, for which the plugin's form of
June 2024 looks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

import msgspec
from msgspec import Struct

from aigw.clients.green_cip import NO_LABEL, Advice, Data, Detail, Extra, Moderation, Part, RiskLabel
from aigw.clients.signatures import is_rpc, is_v3, read_v3
from aigw.core.model import Request
from aigw.guard.finding import ATTACK, LEVELS, Finding, Level
from aigw.standins.answers import answer
from aigw.standins.judge import Judge
from aigw.upstream.standin import Standin, StandinAnswer

if TYPE_CHECKING:
    from aigw.guard.screen import Screen, Screened

ACTIONS = ("TextModerationPlus", "MultiModalGuard")
ADVICE = "很抱歉，我无法回答您的问题"
"""Higress's own words: "I am sorry, I cannot answer your question"."""
_NONE = "none"
_GRADES: Mapping[Level, str] = {"low": "S1", "medium": "S2", "high": "S3", "max": "S4"}


class _Parameters(Struct):
    content: str = ""


class GreenCipStandin:
    """`screen` returns the screen of the configuration that is in force, and `judge` what asks a model about a text,
    None if nobody is asked."""

    def __init__(
        self, screen: Callable[[], Screen], new_id: Callable[[], str], judge: Callable[[], Judge | None] = lambda: None
    ) -> None:
        self._screen = screen
        self._new_id = new_id
        self._judge = judge

    async def __call__(self, request: Request) -> StandinAnswer:
        given = parameters(request)
        try:
            content = msgspec.json.decode(given.get("ServiceParameters", "{}"), type=_Parameters).content
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return _said(Moderation(400, f"ServiceParameters: {error}", self._new_id()))
        return _said(await self.moderate(given.get("Service", ""), content))

    async def moderate(self, service: str, text: str, seconds: float | None = None, goes_on: bool = True) -> Moderation:
        """Returns the verdict of one of Content Security's services on a text, and on its end if the text `goes_on`.
        Raises TimeoutError if a model that is asked takes more than `seconds`."""
        screen = self._screen()
        screened = screen.screen(text)
        judge = self._judge()
        if judge is not None and not any(each.action == "block" for each in screened.findings):
            async with asyncio.timeout(seconds):
                found = await judge.findings(text, answer="response" in service)
            screened = screened._replace(findings=[*screened.findings, *found])
        data = moderated(screened)
        if goes_on:
            data.pending = screen.pending(text)
        return Moderation(200, "OK", self._new_id(), data)


def moderated(screened: Screened) -> Data:
    """Returns what the service would say about a text with these findings."""
    findings = screened.findings
    if not findings:
        return Data(_NONE, _NONE, "pass", [RiskLabel(NO_LABEL)], None, [])
    blocked = [each for each in findings if each.action == "block"]
    attacks = [each for each in findings if each.label == ATTACK]
    masked = [each for each in findings if each.action == "mask"]
    reported = [each for each in findings if each.action == "report" and each.label != ATTACK]
    details = [_blocking(label, group) for label, group in _by_label(blocked)]
    if any(each.action == "report" for each in attacks):
        details.append(Detail("promptAttack", _worst(attacks), "watch", _parts(attacks)))
    if masked:
        parts = _parts(masked, Extra(screened.masked))
        details.append(Detail("sensitiveData", _GRADES[_worst(masked)], "mask", parts))
    return Data(
        risk_level=_worst(blocked) if blocked else "low" if reported else _NONE,
        attack_level=_worst(attacks) if attacks else _NONE,
        suggestion="block" if blocked else "mask" if masked else "watch" if findings else "pass",
        result=[RiskLabel(label, ",".join(_rules(group)), 100.0) for label, group in _by_label(blocked)]
        or [RiskLabel(NO_LABEL)],
        advice=[Advice(ADVICE, blocked[0].label)] if blocked else None,
        detail=details,
    )


def _blocking(label: str, findings: Sequence[Finding]) -> Detail:
    kind = "promptAttack" if label == ATTACK else "customLabel"
    return Detail(kind, _worst(findings), "block", _parts(findings))


def _parts(findings: Iterable[Finding], extra: Extra | None = None) -> list[Part]:
    return [Part(name, extra) for name in _rules(findings)]


def _rules(findings: Iterable[Finding]) -> list[str]:
    return list(dict.fromkeys(each.rule for each in findings))


def _by_label(findings: Iterable[Finding]) -> list[tuple[str, list[Finding]]]:
    groups: dict[str, list[Finding]] = {}
    for each in findings:
        groups.setdefault(each.label, []).append(each)
    return list(groups.items())


def _worst(findings: Iterable[Finding]) -> Level:
    return max((each.level for each in findings), key=LEVELS.index)


class SignedStandin:
    """Lets only requests in that are signed, in one of the two ways. `keys` returns the secret of each key id."""

    def __init__(self, inner: Standin, keys: Callable[[], Mapping[str, str]], new_id: Callable[[], str]) -> None:
        self._inner = inner
        self._keys = keys
        self._new_id = new_id

    async def __call__(self, request: Request) -> StandinAnswer:
        problem = self._problem(request)
        if problem:
            code, message = problem
            return answer(
                {"Code": code, "Message": message, "RequestId": self._new_id()}, 403 if "Action" not in code else 400
            )
        return await self._inner(request)

    def _problem(self, request: Request) -> tuple[str, str] | None:
        given = parameters(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        action = given.get("Action") or headers.get("x-acs-action", "")
        if action not in ACTIONS:
            return "InvalidAction.NotFound", f"{action!r} has no stand-in; there are {' and '.join(ACTIONS)}"
        signed = read_v3(headers.get("authorization", ""))
        key_id = signed.key_id if signed else given.get("AccessKeyId", "")
        secret = self._keys().get(key_id) if key_id else None
        if not secret:
            return (
                "InvalidAccessKeyId.NotFound",
                "no such key; `guard: {access_keys: {ID: SECRET}}` in aigw.yaml names it",
            )
        if signed is not None:
            method, path, query = request.method, request.path, request.query
            right = is_v3(signed, secret, method=method, path=path, query=query, headers=headers, body=request.body)
        else:
            right = is_rpc(secret, method=request.method, parameters=given)
        return None if right else ("SignatureDoesNotMatch", "the signature is not that of this request")


def parameters(request: Request) -> dict[str, str]:
    """Returns the parameters in the query and in a form in the body."""
    body = request.body.decode("utf-8", "replace") if request.upload is None else ""
    form = body if "form-urlencoded" in request.headers.get("content-type", "") else ""
    return {_unquoted(name): _unquoted(value) for name, value in (*_pairs(request.query), *_pairs(form))}


def _pairs(form: str) -> Iterator[tuple[str, str]]:
    """Splits a form as `parse_qsl` does, but without decoding, which takes half the time."""
    for part in form.split("&"):
        if part:
            name, _, value = part.partition("=")
            yield name, value


def _unquoted(text: str) -> str:
    return unquote_plus(text) if "%" in text or "+" in text else text


def _said(moderation: Moderation) -> StandinAnswer:
    return answer(moderation)
