"""The page that a browser gets at /: the address, the models, and how three clients are pointed here.

Rule: it is plain HTML without scripts, styles or anything from elsewhere, and its policy forbids them. All that is
inserted is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

FRONT_HEADERS: Mapping[str, str] = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_SHOWN = 50
"""How many models are named."""

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>aigw</title>
<h1>aigw</h1>
<p>This is an AI gateway. Its API is at <code>{url}/v1</code>.</p>
<p>{models}</p>
<h2>curl</h2>
<pre>curl {url}/v1/chat/completions -H 'content-type: application/json' \\
  -d '{{"model":"{model}","messages":[{{"role":"user","content":"Hello!"}}]}}'</pre>
<h2>OpenAI for Python</h2>
<pre>from openai import OpenAI
client = OpenAI(base_url="{url}/v1", api_key="any")
print(client.chat.completions.create(model="{model}", messages=[{{"role": "user", "content": "Hello!"}}]))</pre>
<h2>Programs that read the environment</h2>
<pre>export OPENAI_BASE_URL={url}/v1 OPENAI_API_KEY=any
export ANTHROPIC_BASE_URL={url} ANTHROPIC_API_KEY=any</pre>
<p><a href="/v1/models">Models</a>, <a href="/-/usage">usage</a>, <a href="/-/config">configuration</a></p>
</html>
"""


def front_page(host: str, models: Sequence[str]) -> bytes:
    """`host` is the Host of the request. `models` are names that the configuration has."""
    named = ", ".join(f"<code>{escape(model)}</code>" for model in models[:_SHOWN])
    more = f" and {len(models) - _SHOWN} more" if len(models) > _SHOWN else ""
    said = f"Models that the configuration names: {named}{more}." if named else "Its providers list their models."
    page = _PAGE.format(url=escape(f"http://{host}"), model=escape(models[0] if models else "MODEL"), models=said)
    return page.encode("utf-8", "replace")
