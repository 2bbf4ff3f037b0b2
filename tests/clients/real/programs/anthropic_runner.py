"""The streamed tool_runner of Anthropic's SDK, which lets its provider keep the conversation: `anthropic_runner.py URL
DIALECT PROMPT`."""

import json
import sys

from anthropic import Anthropic, beta_tool


@beta_tool
def look(page: int) -> str:
    """Looks at a page."""
    return "marmalade"


def main(url: str, dialect: str, prompt: str) -> None:
    client = Anthropic(base_url=url, api_key="sk-client", max_retries=0)
    asked = {"role": "user", "content": prompt}
    text = ""
    try:
        runner = client.beta.messages.tool_runner(
            model="claude-sonnet-latest", max_tokens=2000, tools=[look], messages=[asked], stream=True
        )
        for stream in runner:
            for piece in stream.text_stream:
                text += piece
    except Exception as error:  # noqa: BLE001
        print(json.dumps({"error": f"{type(error).__name__}: {error}", "before": text}))
    else:
        print(json.dumps({"text": text}))


main(*sys.argv[1:])
