"""ai-security-guard with `fidelity: safe`: all texts of requests and answers are checked, whatever the client's format,
and answers that stream are checked before they leave.

Rule: what must not pass never reaches the other side. What cannot be checked passes, unless the configuration says
`failClosed`; the log and the header say so.

Checked are all texts that a model would read: `Asked.places`, and `Asked.other_places` for descriptions and schemas of
tools, arguments of calls and whatever is not known to be no text. Texts that passed are remembered, because each turn
of a conversation sends all that came before. Not checked are: what is signed (reasoning in Messages, Responses and
Gemini), names of members that are plain identifiers, ids, addresses, headers and keys of tools elsewhere, media,
`metadata` and `user`; of APIs without a dialect, everything but the fields that are known to hold texts."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from hashlib import blake2b
from operator import attrgetter
from typing import NamedTuple

from aigw.core.answer import BreakingOff
from aigw.core.aside import aside
from aigw.core.dialect import TextPlace
from aigw.core.env import Env
from aigw.core.errors import FailedAnswerError
from aigw.core.exchange import Exchange
from aigw.core.large_json import Elements
from aigw.core.model import Batch, Chunk, Request
from aigw.core.plugin import Next
from aigw.core.reply import Reply
from aigw.higress.gjson import GjsonPath
from aigw.plugins.ai_security_guard.answers import Answer, of_call
from aigw.plugins.ai_security_guard.decision import PASS, Decision
from aigw.plugins.ai_security_guard.moderation import NAME, Asking, Check, Phase, Uncheckable, count
from aigw.plugins.ai_security_guard.other_texts import beside
from aigw.plugins.ai_security_guard.refusals import Refusals

HEADER = "x-aigw-guard"
MOST_BYTES = 32 * 1024 * 1024
"""A larger plain answer is not read into memory; it counts as one that cannot be checked."""
MOST_REMEMBERED = 16_384
"""How many texts that passed are remembered, because a conversation sends its beginning again in each turn."""


class Settings(NamedTuple):
    """The settings of the guard. `request` and `response` make the checks of an exchange, None if there is none. With
    `everything`, texts before the last answer are checked, too; with a `path`, only the text there; with `images`, also
    images. `size` and `overlap` are those of the windows of a stream, in characters."""

    request: Callable[[Exchange], Check] | None
    response: Callable[[Exchange], Check] | None
    everything: bool
    path: GjsonPath | None
    images: bool
    size: int
    overlap: int
    fail_closed: bool


class SafeGuard:
    def __init__(self, settings: Settings, refusals: Refusals, env: Env) -> None:
        self._settings = settings
        self._refusals = refusals
        self._env = env
        self._passed: OrderedDict[tuple[Asking, bytes], None] = OrderedDict()

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        told: list[str] = []
        try:
            reply = await self._within(exchange, call_next, told)
        except Uncheckable as error:
            raise error.answer() from None
        if told:
            reply.headers[HEADER] = ", ".join(told)
        return reply

    async def _within(self, exchange: Exchange, call_next: Next, told: list[str]) -> Reply:
        settings = self._settings
        if settings.request is not None and (exchange.request.is_json or _should_be_json(exchange)):
            check = settings.request(exchange)
            decision = await self._request(exchange, check)
            self._note(exchange, "request", decision, check)
            told.append(_header_part("request", decision, check))
            if decision.kind == "deny":
                asked = exchange.asked
                return self._refusals.reply(exchange, decision, "request", streaming=asked.stream and not asked.array)
        try:
            reply = await call_next(exchange)
        except FailedAnswerError as error:
            if settings.response is None:
                raise
            raise await _passable(error, settings.response(exchange)) from None
        if settings.response is None or not 200 <= reply.status < 300 or _has_no_text(reply):
            return reply
        return await self._response(exchange, reply, settings.response(exchange), told)

    async def _request(self, exchange: Exchange, check: Check) -> Decision:
        """Checks what the model would read, and masks it there."""
        masked: list[tuple[TextPlace, str]] = []
        for text, places in await aside(len(exchange.request.body), self._texts, exchange, check):
            decision = await self._remembered(text, check)
            if decision.kind == "deny":
                return decision
            if check.failed and self._settings.fail_closed:
                raise Uncheckable(check.failed)
            if decision.kind == "mask":
                masked += await self._masked(decision, places, check)
        if self._settings.images:
            for image in await aside(len(exchange.request.body), attrgetter("images"), exchange.asked):
                decision = await check.image(image)
                if decision.kind == "deny":
                    return decision
        if check.failed and self._settings.fail_closed:
            raise Uncheckable(check.failed)
        if masked:
            exchange.dialect.replace(exchange.request.document, masked)
        return Decision("mask") if masked else PASS

    async def _masked(
        self, decision: Decision, places: Sequence[TextPlace], check: Check
    ) -> list[tuple[TextPlace, str]]:
        """The texts for these places, whose text is to be masked as this decision says."""
        if len(places) == 1 and not places[0].is_call:
            return [(places[0], decision.masked)]
        each = [(place, await (of_call if place.is_call else Check.text)(check, place.text)) for place in places]
        return [(place, one.masked) for place, one in each if one.kind == "mask"]

    def _texts(self, exchange: Exchange, check: Check) -> Sequence[tuple[str, Sequence[TextPlace]]]:
        """Returns the texts to check, each with its places. Each text of a turn is checked alone. Other texts are
        checked together with those beside them."""
        request = exchange.request
        if not request.is_json or (request.body and not _is_object(request)):
            check.fail("the body of the request is no JSON object")
            places: Sequence[TextPlace] = ()
        else:
            places = exchange.asked.places
        texts = [(place.text, (place,)) for place in self._checked(exchange, places)]
        if self._settings.path is not None or not request.is_json:
            return texts
        return [*texts, *beside(exchange.asked, places, everything=self._settings.everything)]

    def _checked(self, exchange: Exchange, places: Sequence[TextPlace]) -> Sequence[TextPlace]:
        """Returns those texts of the turns that are checked."""
        if self._settings.path is not None:
            material = exchange.asked.material().items()
            named = self._settings.path.get({name: [*v] if isinstance(v, Elements) else v for name, v in material})
            return [place for place in places if place.text == named][-1:]
        if self._settings.everything:
            return places
        last = max((index for index, place in enumerate(places) if place.role == "assistant"), default=-1)
        return places[last + 1 :]

    async def _remembered(self, text: str, check: Check) -> Decision:
        # What passes for one consumer need not pass for another, who may have a service or bars of his own.
        key = (check.asking, blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest())
        if key in self._passed:
            self._passed.move_to_end(key)
            await check.give_way()
            return PASS
        before = check.failures, len(check.labels)
        decision = await check.text(text)
        if decision.kind == "pass" and (check.failures, len(check.labels)) == before:
            self._passed[key] = None
            if len(self._passed) > MOST_REMEMBERED:
                self._passed.popitem(last=False)
        return decision

    async def _response(self, exchange: Exchange, reply: Reply, check: Check, told: list[str]) -> Reply:
        """Checks an answer: a plain one before it goes on, a stream on its way."""
        settings = self._settings
        answer = Answer(
            exchange.dialect,
            exchange.asked,
            check,
            size=settings.size,
            overlap=settings.overlap,
            fail_closed=settings.fail_closed,
        )
        if reply.streaming:
            told.append("response=checked")
            return reply.through(lambda batches: self._stream(exchange, reply, answer, check, batches))
        chunk = await reply.whole(MOST_BYTES)
        if chunk is None:
            check.fail(f"the answer has more than {MOST_BYTES} bytes")
            if settings.fail_closed:
                raise Uncheckable(check.failed)
            told.append(_header_part("response", PASS, check))
            return reply
        made, decision = await answer.plain(chunk)
        self._note(exchange, "response", decision, check)
        told.append(_header_part("response", decision, check))
        if decision.kind == "deny":
            return self._refusals.reply(exchange, decision, "response", streaming=False)
        return reply if made is chunk else reply.through(lambda batches: _instead(batches, made))

    async def _stream(
        self, exchange: Exchange, reply: Reply, answer: Answer, check: Check, batches: AsyncIterator[Batch]
    ) -> AsyncIterator[Batch]:
        ends = exchange.dialect.breaking_off(exchange.asked, exchange.id, int(self._env.clock.time()))
        begun: BreakingOff | None = None
        decided = PASS

        def passed_on(batch: Batch) -> None:
            nonlocal begun
            begun = ends
            for chunk in batch:
                ends.pass_on(chunk)

        def ending(decision: Decision) -> Batch:
            nonlocal decided
            decided, reply.makeshift = decision, True
            return [Chunk(self._refusals.ending(exchange, decision, begun))]

        try:
            async with aclosing(answer.stream(batches, passed_on, ending)) as checked:
                async for batch in checked:
                    yield batch
        except Uncheckable as error:
            raise error.answer() from None
        finally:
            self._note(exchange, "response", decided, check)

    def _note(self, exchange: Exchange, phase: Phase, decision: Decision, check: Check) -> None:
        if decision.kind != "pass":
            count(self._env, f"ai_sec_{phase}_{decision.kind}")
        if decision.kind == "deny":
            exchange.labels.guard = "denied"
        elif decision.kind == "mask" or check.masked:
            exchange.labels.guard = exchange.labels.guard or "masked"
        if decision.kind != "pass" or check.labels:
            words = {"deny": "denied", "mask": "masked", "pass": "reported"}[decision.kind]
            labels = ", ".join(check.labels)
            exchange.labels.remarks[NAME] = f"{phase} {words}{': ' if labels else ''}{labels}"


async def _passable(error: FailedAnswerError, check: Check) -> FailedAnswerError:
    """The error of an answer that failed, which may quote what the provider said."""
    told = error.answer()
    decision = await check.text(told.message)
    if decision.kind == "pass":
        return error
    masked = decision.masked if decision.kind == "mask" else "the answer failed; what the provider said must not pass"
    message, _, others = masked.partition("\n")
    return FailedAnswerError(told.status, message, kind=told.kind, code=told.code or "", others=others)


def _is_object(request: Request) -> bool:
    try:
        return request.document is not None
    except ValueError:
        return False


def _should_be_json(exchange: Exchange) -> bool:
    """Whether a provider may read the body as JSON, though it does not say that it is."""
    return exchange.dialect.convertible and exchange.request.upload is None and bool(exchange.request.body)


def _has_no_text(reply: Reply) -> bool:
    return reply.headers.get("content-type", "").lower().startswith(("audio/", "image/", "video/"))


def _header_part(phase: Phase, decision: Decision, check: Check) -> str:
    result = "error" if check.failed and decision.kind == "pass" else decision.kind
    return f"{phase}={result}" + "".join(f";label={_token(label)}" for label in check.labels)


def _token(text: str) -> str:
    return "".join(each if each.isascii() and (each.isalnum() or each in "-_.") else "_" for each in text)


async def _instead(batches: AsyncIterator[Batch], made: Chunk) -> AsyncIterator[Batch]:
    async for _ in batches:
        pass
    yield [made]
