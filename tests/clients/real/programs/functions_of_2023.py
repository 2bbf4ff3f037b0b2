"""A program for openai 0.28, from before there were tools: `functions_of_2023.py URL DIALECT PROMPT`."""

import json
import sys

import openai

LOOK = {
    "name": "look",
    "description": "Looks at a page.",
    "parameters": {"type": "object", "properties": {"page": {"type": "integer"}}, "required": ["page"]},
}


def answer(messages: list) -> tuple:
    """What was said, and what was called."""
    text, call = "", {"name": "", "arguments": ""}
    for chunk in openai.ChatCompletion.create(model="gpt-4o", messages=messages, functions=[LOOK], stream=True):
        for choice in chunk.choices:
            text += choice.delta.get("content") or ""
            for name, piece in (choice.delta.get("function_call") or {}).items():
                call[name] += piece
    return text, call


def main(url: str, dialect: str, prompt: str) -> None:
    openai.api_base, openai.api_key = f"{url}/v1", "sk-client"
    messages = [{"role": "user", "content": prompt}]
    text = ""
    try:
        text, call = answer(messages)
        if call["name"]:
            messages += [{"role": "assistant", "content": None, "function_call": call}]
            messages += [{"role": "function", "name": call["name"], "content": "marmalade"}]
            text += answer(messages)[0]
    except Exception as error:  # noqa: BLE001
        print(json.dumps({"error": f"{type(error).__name__}: {error}", "before": text}))
    else:
        print(json.dumps({"text": text}))


main(*sys.argv[1:])
