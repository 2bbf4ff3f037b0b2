"""An agent with tools: it looks orders up, and refunds what arrived broken. It asks OpenAI, or whatever OPENAI_BASE_URL
leads to.

    aigw run --record recordings -- python agent.py "Order A-17 arrived broken."
"""

import json
import os
import sys
from datetime import UTC, datetime

from openai import OpenAI

INSTRUCTIONS = "You are the polite clerk of a shop. Look an order up before you refund it."
QUESTION = "Order A-17 arrived broken."
ORDERS = {"A-17": {"item": "kettle", "usd": 39}}


def look_up(order):
    return {**ORDERS[order], "looked_up": datetime.now(UTC).isoformat()}


def refund(order, usd):
    return {"refunded": usd, "left": ORDERS[order]["usd"] - usd}


TOOLS = {"look_up": look_up, "refund": refund}
ORDER = {"order": {"type": "string", "enum": list(ORDERS)}}
AMOUNT = {"usd": {"type": "number", "examples": [39]}}


def described(name, description, **properties):
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


DESCRIBED = [described("look_up", "What was ordered.", **ORDER), described("refund", "Pays back.", **ORDER, **AMOUNT)]


def run(question):
    """Returns the answer, and the results of the tools by their names."""
    messages = [{"role": "system", "content": INSTRUCTIONS}, {"role": "user", "content": question}]
    results = {}
    with OpenAI() as client:
        while True:
            model = os.environ.get("MODEL", "mock")
            answer = client.chat.completions.create(model=model, messages=messages, tools=DESCRIBED)
            message = answer.choices[0].message
            messages.append(message.model_dump(exclude_none=True))
            if not message.tool_calls:
                return message.content, results
            for call in message.tool_calls:
                result = TOOLS[call.function.name](**json.loads(call.function.arguments))
                results[call.function.name] = result
                messages.append({"role": "tool", "tool_call_id": call.id, "content": json.dumps(result)})


if __name__ == "__main__":
    print(run(" ".join(sys.argv[1:]) or QUESTION)[0])
