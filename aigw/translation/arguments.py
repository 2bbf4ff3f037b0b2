"""The arguments of calls, which are JSON text in OpenAI's formats and an object in Anthropic's and Gemini's."""

from __future__ import annotations

from aigw.dialects.json_values import Json, decoded, json_text
from aigw.translation.hub import Call
from aigw.translation.notes import Notes


def object_in(call: Call, notes: Notes) -> Json:
    """Returns the arguments as an object. The text of a custom tool stands under `input`. Text that is no JSON object
    is kept under `arguments`, with a note: to repair it would be to guess."""
    if call.custom:
        return {"input": call.arguments}
    if not call.arguments.strip():
        return {}
    try:
        given = decoded(call.arguments.encode("utf-8", "surrogatepass"))
    except ValueError:
        given = None
    if isinstance(given, dict):
        return given
    notes.lose("arguments that are no JSON object")
    return {"arguments": call.arguments}


def text_in(call: Call) -> str:
    """Returns the arguments as the text of a JSON object."""
    if call.custom:
        return json_text({"input": call.arguments})
    return call.arguments if call.arguments.strip() else "{}"
