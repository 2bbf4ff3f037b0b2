"""ai-budget: limits how much may be spent, in dollars, tokens or calls, and stops clients that repeat themselves in a
loop. It is aigw's own; Higress does not have it.

A request is let in while the sum of what was spent and what running requests have reserved is below the limit. An
estimate is reserved for it, and its real cost is charged before its answer ends. So a budget is exceeded by about one
call, and by exactly one if calls come one after another. What is reserved grows with an answer that outgrows it, and
the answer is broken off if the budget is full with what others used and reserved. A refusal is final (refusal.py). The
counters are kept when the gateway stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from aigw.clients.redis_config import RedisConfig
from aigw.core.allowance import Allowance
from aigw.core.aside import aside
from aigw.core.env import Env, Services
from aigw.core.errors import GatewayError
from aigw.core.exchange import Exchange
from aigw.core.plugin import About, Description, Next, Place, Plugin, Problem
from aigw.core.reply import Reply
from aigw.core.stores import LOCAL, Count, Limit, StoreError
from aigw.dialects import apis, model_list
from aigw.dialects.openai_error import JSON
from aigw.metering.forecast import NOTHING, Forecast, Forecaster
from aigw.metering.growth import Growth
from aigw.metering.holding import Held, is_full, not_charged
from aigw.metering.meter import ReadOfProvider, Spent
from aigw.metering.spending import follow
from aigw.plugins.ai_budget import refusal
from aigw.plugins.ai_budget.accounts import Drawn, Whose
from aigw.plugins.ai_budget.amount import LARGEST, to_plain
from aigw.plugins.ai_budget.budget import UNITS, Budget, begins_anew
from aigw.plugins.ai_budget.cost import Costs
from aigw.plugins.ai_budget.detector import IDENTITY, Repeated, RepetitionDetector
from aigw.plugins.ai_budget.ledger import AccountLine, Ledger
from aigw.plugins.ai_budget.repetition import Repetition
from aigw.pricing.prices import Prices, Query

NAME = "ai-budget"
MAX_LIST = 16 * 1024 * 1024
"""The largest list of models, in bytes, that is read."""


class Config(Struct, frozen=True, kw_only=True):
    """Limits what is spent, and stops clients that repeat themselves in a loop. It is aigw's own; Higress does not have
    it.

    A budget has one of usd, tokens and calls. With `per: run`, each run has the whole budget. The name of a run is in
    the header x-aigw-run, or in AIGW_RUN in the environment of the gateway; without both, a run lasts from the start of
    the gateway to its end. The name of a session is in the header x-aigw-session, or where its agent writes it. With
    `per: [consumer, day]`, each consumer has the whole budget on each day.

    A call is let in while the sum of what was spent and what running calls have reserved is below the limit. So the
    limit is exceeded by about one call. Where a provider ignores `max_tokens`, or nobody can read the request, more is
    reserved while the answer arrives, be it a stream or not; it is broken off if other calls have filled the budget. Of
    a model whose price is not known by its name, a usual price is reserved until the first call has ended. The cost is
    charged before the answer ends, also if the client leaves. What calls had reserved when the gateway was killed is
    charged. A refusal is final: the status is 402, or 403 for a client in a loop, with the header `x-should-retry:
    false` and the command that raises the budget.

    `aigw budget status` shows what is left. `aigw budget raise NAME AMOUNT` allows more for the current period. `aigw
    budget reset NAME` sets what was spent to zero. A running gateway applies the change at once. These commands need
    the --config or --recipe of the gateway. Counters are on disk and survive a kill; with `redis`, several machines
    share them. The first call of a model waits about half a second, until its price was looked up; a gateway that
    starts later finds it in its state folder."""

    budgets: Annotated[list[Budget], Meta(description="the budgets; each call must be within all of them")] = []
    repetition: Repetition = Repetition()
    unknown_price: Annotated[
        Literal["count", "refuse"],
        Meta(description="count: let calls without a known price pass, and only count how many; refuse: refuse them"),
    ] = "count"
    timezone: Annotated[
        str, Meta(description="the time zone in which days and months begin", examples=["Europe/Berlin"])
    ] = "UTC"
    run_header: Annotated[str, Meta(description="the header that names the run")] = "x-aigw-run"
    session_header: Annotated[
        str, Meta(description="the header that names the session; those of Claude Code, Codex and others are read, too")
    ] = "x-aigw-session"
    fail_open: Annotated[bool, Meta(description="true lets all requests pass while the counters cannot be reached")] = (
        False
    )
    redis: Annotated[
        RedisConfig | None, Meta(description="the Redis with the counters. Missing: they are on this machine")
    ] = None

    @property
    def zone(self) -> ZoneInfo:
        """Raises ValueError if `timezone` is not the name of a time zone."""
        try:
            return ZoneInfo(self.timezone)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{self.timezone!r} is not a time zone; write UTC, or one such as Europe/Berlin") from None


def check(config: Config) -> list[Problem]:
    problems = []
    names: set[str] = set()
    for index, budget in enumerate(config.budgets):
        at = ("budgets", index)
        if sum(getattr(budget, unit) is not None for unit in UNITS) != 1:
            problems.append(Problem(at, f"the budget {budget.name!r} needs one of usd, tokens and calls"))
        elif not 0 <= getattr(budget, budget.unit) <= LARGEST[budget.unit]:
            problems.append(Problem((*at, budget.unit), f"must be between 0 and {LARGEST[budget.unit]}"))
        if budget.name in names:
            problems.append(Problem((*at, "name"), f"there is another budget {budget.name!r}"))
        names.add(budget.name)
    problems += [
        Problem(("repetition", name), "1 would refuse even the first one; write 2 or more, or 0 to switch it off")
        for name in ("tool_calls", "requests")
        if getattr(config.repetition, name) == 1
    ]
    if not config.budgets and not config.repetition.watches:
        problems.append(Problem((), "has neither budgets nor repetition, so that it does nothing", note=True))
    if config.redis is not None and not config.redis.service_name:
        problems.append(Problem(("redis", "service_name"), "must not be empty; leave redis out for this machine"))
    try:
        _ = config.zone
    except ValueError as error:
        problems.append(Problem(("timezone",), str(error)))
    return problems


def identity(config: Config, services: Services) -> None:
    """Returns None: the plugin may refuse a request, but never changes its answer."""


@asynccontextmanager
async def build(config: Config, env: Env) -> AsyncIterator[Plugin]:
    yield AiBudget(config, env)


class AiBudget:
    def __init__(self, config: Config, env: Env) -> None:
        self._config = config
        self._env = env
        self._zone = config.zone
        self._whose = Whose(
            config.budgets,
            run=env.run,
            run_header=config.run_header,
            session_header=config.session_header,
            zone=self._zone,
            always=IDENTITY if config.repetition.watches else (),
        )
        self._units = {budget.unit for budget in config.budgets}
        self._refuses = describes(config).priced
        self._counter = env.stores.counter(LOCAL if config.redis is None else config.redis.service())
        self._forecaster = Forecaster(env.tokenizer)
        self._costs = Costs(env.prices or Prices(), env.clock)
        self._detector = RepetitionDetector(config.repetition)
        if self._units - {"calls"}:
            env.when_idle(self._forecaster.prepare)
        if "usd" in self._units:
            env.when_idle(self._costs.prepare)

    async def __call__(self, exchange: Exchange, call_next: Next) -> Reply:
        if exchange.request.method != "POST" or exchange.api in apis.FREE:
            reply = await call_next(exchange)
            return await self._as_answered(exchange, reply) if self._refuses and _is_list(exchange, reply) else reply
        values = self._whose.values(exchange, self._env.clock.time())
        repeated = await aside(len(exchange.request.body), self._detector.look, exchange, values)
        accounts = self._whose.accounts(values)
        charge = _Charge(self, exchange, accounts, call_next)
        limits = [*await self._set_aside(charge), *(each.limit for each in repeated)]
        if not limits:
            return await call_next(exchange)
        try:
            ticket = await self._counter.hold(limits)
            charge.held = Held(self._counter, ticket)
        except StoreError as error:
            return await self._without_counters(exchange, call_next, error)
        if ticket.refused is not None:
            raise await self._refusal(exchange, ticket.counts[ticket.refused], ticket.refused, accounts, repeated)
        meter = ReadOfProvider(exchange, self._env.tokenizer)
        grows = charge.forecast.total and exchange.asked.generates
        growth = Growth(exchange, charge.forecast, charge.grow, self._forecaster) if grows else None
        return await follow(exchange, charge.ask, charge.settle, meter, growth)

    async def _as_answered(self, exchange: Exchange, reply: Reply) -> Reply:
        """Returns a list of models without those that are refused because their price is not known."""
        whole = await reply.whole(MAX_LIST)
        body = whole.json() if whole is not None else None
        names = model_list.names_of(body)
        costs = await asyncio.gather(*(self._costs.expect(name, Forecast(1, 1)) for name in names))
        priced = {name for name, cost in zip(names, costs, strict=True) if cost is not None}
        if len(priced) == len(set(names)):
            return reply
        return exchange.reply(model_list.only(body, priced), headers=[("Content-Type", JSON)])

    async def _set_aside(self, charge: _Charge) -> list[Limit]:
        """Returns a limit for each account, with the forecast of this request as its `hold`. Raises GatewayError for a
        call of unknown price, if the configuration says so."""
        usd = 0
        if self._units - {"calls"}:
            size = len(charge.exchange.request.body)
            charge.forecast = await aside(size, self._forecaster.forecast, charge.exchange)
        if "usd" in self._units:
            charge.model = charge.exchange.asked.model
            expected = await self._costs.expect(charge.model, charge.forecast)
            if self._refuses:
                if expected is None and self._costs.has_heard(charge.model):
                    raise self._unpriced(charge, charge.model)
                charge.exchange.gates = (*charge.exchange.gates, charge.check_price)
            usd = self._costs.guess(charge.model, charge.forecast) if expected is None else expected
        amounts = {"usd": usd, "tokens": charge.forecast.total, "calls": 1}
        return [Limit(each.key, each.limit, each.window, amounts[each.unit]) for each in charge.accounts]

    async def check_price(self, charge: _Charge) -> None:
        """Raises GatewayError if nobody knows what the call costs that is about to be sent. What its model is, and
        whose, is only known now."""
        query = _answering(charge.exchange)
        if not await self._costs.knows(query):
            charge.unpriced = True
            raise self._unpriced(charge, query.model)

    def _unpriced(self, charge: _Charge, model: str) -> GatewayError:
        one = next(each for each in charge.accounts if each.unit == "usd")
        charge.exchange.labels.remarks[NAME] = refusal.PRICE_UNKNOWN
        return refusal.unknown_price(one.account, model)

    async def _refusal(
        self, exchange: Exchange, count: Count, index: int, accounts: Sequence[Drawn], repeated: Sequence[Repeated]
    ) -> GatewayError:
        """Returns the error for the limit with this index. The limits of the accounts come before those of the
        repetitions."""
        if index >= len(accounts):
            exchange.labels.remarks[NAME] = "repeated"
            return repeated[index - len(accounts)].refusal(count)
        one = accounts[index].account
        exchange.labels.remarks[NAME] = f"budget {one.budget.name} used up"
        try:
            (raised,) = await self._counter.read(one.raised)
        except StoreError:
            raised = Count(0, 0, 0.0)  # it is only needed for the message
        anew = begins_anew(one.budget.kinds, self._env.clock.time(), self._zone)
        return refusal.used_up(one, count, raised.used, anew, self._env.options)

    async def _without_counters(self, exchange: Exchange, call_next: Next, error: StoreError) -> Reply:
        exchange.labels.remarks[NAME] = f"no budget: {error}"
        if self._config.fail_open:
            return await call_next(exchange)
        message = "the budget cannot be checked now; try again later, or let such requests pass with fail_open: true"
        raise GatewayError(503, message, kind="api_error", code="budget_unavailable") from error

    async def grow(self, charge: _Charge, more: int) -> None:
        """Sets `more` tokens of output aside. Raises GatewayError if the answer must break off, because the budget is
        full with what others used and hold: one call may exceed a budget, but not many at once. Raises StoreError."""
        usd: int | None = 0
        if "usd" in self._units:
            usd = await self._costs.expect(charge.model, Forecast(0, more), _answering(charge.exchange))
        if usd is None:
            usd = self._costs.guess(charge.model, Forecast(0, more))
        amounts = {"usd": usd, "tokens": more, "calls": 0}
        others = len(charge.held.ticket.limits) - len(charge.accounts)
        ticket = await charge.held.grow([*(amounts[each.unit] for each in charge.accounts), *[0] * others])
        for index in range(len(charge.accounts)):
            if is_full(ticket.limits[index], count := ticket.counts[index]):
                raise await self._refusal(charge.exchange, count, index, charge.accounts, ())

    async def settle(self, charge: _Charge, spent: Spent) -> None:
        """Charges what the request used. Does not raise StoreError."""
        exchange, held = charge.exchange, charge.held
        asked = (bool(exchange.attempts) and not charge.unpriced) or exchange.timing.waited > 0
        cost: int | None = 0
        if asked and "usd" in self._units:
            failed = not 200 <= charge.status < 400
            cost = await self._costs.settle(charge.model, spent, sent=exchange.mapped, failed=failed)
        self._forecaster.learn(charge.forecast, spent.tokens)
        amounts = {"usd": cost or 0, "tokens": spent.tokens if asked else 0, "calls": int(asked)}
        charges = [amounts[each.unit] for each in charge.accounts]
        charges += [int(charge.status < 400)] * (len(held.ticket.limits) - len(charges))
        try:
            await held.settle(charges)
            if cost is None:
                await self._note_unpriced(charge)
        except StoreError as error:
            not_charged(exchange, NAME, spent.tokens, error)

    async def _note_unpriced(self, charge: _Charge) -> None:
        charge.exchange.labels.remarks[NAME] = "price unknown"
        for each in charge.accounts:
            if each.unit == "usd":
                await self._counter.add(each.account.unpriced, 1)


class _Charge:
    """One request: the accounts that it is charged to, its forecast, and the status of its answer (0 until then).
    `unpriced`: it was refused because its price is not known."""

    __slots__ = ("_call_next", "_plugin", "accounts", "exchange", "forecast", "held", "model", "status", "unpriced")

    def __init__(self, plugin: AiBudget, exchange: Exchange, accounts: Sequence[Drawn], call_next: Next) -> None:
        self._plugin = plugin
        self._call_next = call_next
        self.exchange = exchange
        self.accounts = accounts
        self.held: Held
        """What the request holds. Set when it is let in."""
        self.forecast = NOTHING
        self.model = ""
        self.status = 0
        self.unpriced = False

    async def ask(self, exchange: Exchange) -> Reply:
        """Sends the request on, and notes the status of its answer."""
        try:
            reply = await self._call_next(exchange)
        except Exception:
            self.status = 502
            raise
        self.status = reply.status
        return reply

    async def check_price(self) -> None:
        await self._plugin.check_price(self)

    async def grow(self, more: int) -> None:
        await self._plugin.grow(self, more)

    async def settle(self, spent: Spent) -> None:
        await self._plugin.settle(self, spent)


def _answering(exchange: Exchange) -> Query:
    """Returns what is known of the model that answers: its name in the stream, or that in the request to the
    provider."""
    answer = exchange.answer
    named = answer.model if answer is not None and answer.streaming else ""
    return Query(exchange.provider, named or exchange.mapped or exchange.asked.model)


def _is_list(exchange: Exchange, reply: Reply) -> bool:
    asked = exchange.request.method == "GET" and exchange.api in (apis.MODELS, apis.GEMINI_MODELS)
    return asked and reply.status == 200 and not reply.streaming and "content-encoding" not in reply.headers


def describes(config: Config) -> Description:
    in_dollars = any(budget.unit == "usd" for budget in config.budgets)
    return Description(priced=in_dollars and config.unknown_price == "refuse")


async def allowances(config: Config, env: Env) -> list[Allowance]:
    counter = env.stores.counter(LOCAL if config.redis is None else config.redis.service())
    lines = await Ledger(counter, config.budgets, config.zone).lines(env.clock.time())
    return [_allowance(line, env.options) for line in lines]


def _allowance(line: AccountLine, options: str) -> Allowance:
    account, unit = line.account, line.account.budget.unit
    used, limit, held = (to_plain(unit, amount) for amount in (line.used, line.limit, line.held))
    return Allowance(
        what="budget",
        name=account.budget.name,
        scope=", ".join(f"{kind} {name}" for kind, name in account.named.items()),
        unit=unit,
        limit=limit,
        used=used,
        left=to_plain(unit, line.limit - line.used),
        held=held,
        resets_at=datetime.fromisoformat(line.anew).timestamp() if line.anew else None,
        command=account.budget.remedy or refusal.raise_command(account, options),
    )


ABOUT = About(
    config=Config,
    build=build,
    place=Place("", 740),  # after the cache, whose answers cost nothing
    recipe="budget",
    nearest="ai-token-ratelimit and ai-quota, which count tokens",
    check=check,
    identity=identity,
    describes=describes,
    allowances=allowances,
)
