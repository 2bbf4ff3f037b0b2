"""The errors with which a client is refused.

Rule: a refusal is final. Its status is one after which no SDK retries (402 for a budget, 403 for a loop), and
`x-should-retry: false` says the same. The message says what is used up, and which command to type."""

from __future__ import annotations

import shlex
from datetime import datetime

from aigw.core.answer import ToolCall
from aigw.core.errors import GatewayError
from aigw.core.stores import Count
from aigw.plugins.ai_budget.amount import as_typed, say
from aigw.plugins.ai_budget.budget import Account

FINAL = {"x-should-retry": "false"}
USED_UP, PRICE_UNKNOWN = "budget_exceeded", "price_unknown"
"""The codes of the errors of a budget."""
LONGEST = 200
"""How many characters of a tool call's arguments a message quotes."""


def used_up(account: Account, count: Count, raised: int, anew: datetime | None, options: str = "") -> GatewayError:
    """Returns the error for a budget that is used up. `count` is the state of its counter, from which `raised` was
    subtracted."""
    budget = account.budget
    unit, limit = budget.unit, budget.limit
    state = "used up" if count.used >= limit else "spoken for"
    message = f"the budget {budget.name!r} is {state}: {say(unit, count.used + raised)} of {say(unit, limit + raised)}"
    if account.values:
        message += " for " + ", ".join(f"{kind} {value}" for kind, value in account.named.items())
    if count.held:
        message += f", and {say(unit, count.held)} set aside for calls that are running"
    if anew is not None:
        message += f"; it begins anew at {anew.isoformat(timespec='minutes')}"
    message += f"; to raise it: {budget.remedy or raise_command(account, options)}"
    return GatewayError(402, message, kind=USED_UP, code=USED_UP, headers=FINAL)


def raise_command(account: Account, options: str = "") -> str:
    """Returns the command that raises a budget by its own amount. `options` name the configuration."""
    budget = account.budget
    chosen = [f"--for {shlex.quote(f'{kind}={value}')}" for kind, value in account.named.items()]
    words = ["aigw budget raise", budget.name, as_typed(budget.unit, budget.limit or 1), *chosen, options]
    return " ".join(word for word in words if word)


def unknown_price(account: Account, model: str) -> GatewayError:
    message = (
        f"the price of {model or 'a call without a model'!r} is not known, so that the budget {account.budget.name!r} "
        f"cannot hold; give it one in aigw.yaml (prices: {{{model or 'MODEL'!r}: {{input: 1.0, output: 2.0}}}}, USD "
        "per million tokens), or let such calls pass with unknown_price: count"
    )
    return GatewayError(402, message, kind=USED_UP, code=PRICE_UNKNOWN, headers=FINAL)


def repeated_call(call: ToolCall, times: int, most: int) -> GatewayError:
    arguments = call.arguments if len(call.arguments) <= LONGEST else f"{call.arguments[:LONGEST]}..."
    message = (
        f"the tool call {call.name}({arguments}) was made {times} times; repetition.tool_calls of ai-budget takes "
        f"{most} for an agent that runs in a circle. Go on with another question, or raise tool_calls in aigw.yaml"
    )
    return GatewayError(403, message, kind="repetition_detected", code="repeated_tool_call", headers=FINAL)


def repeated_request(times: int, window: float, left: float) -> GatewayError:
    message = (
        f"the same request came {times} times within {window:g} s, which repetition.requests of ai-budget takes for a "
        f"client that runs in a circle. It is let in again in {left:.0f} s, or raise requests in aigw.yaml"
    )
    return GatewayError(403, message, kind="repetition_detected", code="repeated_request", headers=FINAL)
