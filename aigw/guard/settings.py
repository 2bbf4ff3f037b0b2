"""The section `guard:` of the configuration: what the screen looks for, and what is done about it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from aigw.guard.finding import Action, Level

LONGEST_WORD = 200
"""The longest word, in characters."""
MOST_BYTES = 4 << 20
"""The largest file of words, in bytes."""


class UserRule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Words and patterns of the user, under a label of his own."""

    label: Annotated[
        str, Meta(pattern=r"^\w[\w.-]{0,63}$", description="What findings are called.", examples=["project-names"])
    ]
    words: Annotated[
        list[str],
        Meta(description="Found wherever they stand in a text, in capitals or not. A word of Latin letters is whole."),
    ] = []
    file: Annotated[
        str,
        Meta(
            description="More words: a UTF-8 file with a word a line, seen from the folder of the configuration. Lines "
            "that begin with # are left out.",
            examples=["words.txt"],
        ),
    ] = ""
    regex: Annotated[list[str], Meta(description="Regular expressions (RE2).", examples=[[r"\bPRJ-\d{4}\b"]])] = []
    allow: Annotated[
        list[str], Meta(description="Words in which a finding is none: a harmless longer word, an exception.")
    ] = []
    level: Annotated[Level, Meta(description="How bad a finding is.")] = "high"
    action: Annotated[Action, Meta(description="What is done about a finding.")] = "block"


class JudgeSettings(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A model that is asked about texts in which the rules find nothing to block: harmful contents have no form that a
    rule could know. It is asked through a route of this gateway, so that limits and budgets hold for it."""

    model: Annotated[str, Meta(description="The model that is asked. Empty: there is no judge.")] = ""
    route: Annotated[str, Meta(description="The route by which it is asked; empty: that of any chat.")] = ""
    seconds: Annotated[float, Meta(gt=0, le=60, description="How long an answer may take.")] = 5.0
    characters: Annotated[
        int, Meta(ge=1, description="How much of a text is shown to it: of a longer one, the beginning and the end.")
    ] = 4000
    per_minute: Annotated[int, Meta(ge=1, description="How often it is asked in a minute, at most.")] = 60
    answers: Annotated[
        bool,
        Meta(
            description="Whether it judges answers, too. In streams it is then asked for each window (`bufferLimit`)."
        ),
    ] = False
    action: Annotated[Action, Meta(description="What is done about what it calls plainly harmful.")] = "block"


class GuardSettings(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the screen looks for in texts: personal data, secrets, attacks on prompts, and your own rules. It is a
    screen, not a defence. `aigw guard rules` lists the rules."""

    off: Annotated[list[str], Meta(description="Rules that are not used.", examples=[["email"]])] = []
    strict: Annotated[bool, Meta(description="Find more, with more false alarms.")] = False
    actions: Annotated[
        dict[str, Action],
        Meta(
            description="What is done about findings, by rule or label: report, mask or block. Without it "
            "personal_data and secret are masked, prompt_attack is reported.",
            examples=[{"prompt_attack": "block", "email": "report"}],
        ),
    ] = {}
    rules: Annotated[list[UserRule], Meta(description="Rules of your own.")] = []
    ingest: Annotated[
        Literal["off", "report", "mask"],
        Meta(
            description="What `aigw rag ingest` does about findings in documents. report: say what was found where. "
            "mask: keep the documents with masks, and keep none in which something is to be blocked."
        ),
    ] = "report"
    judge: JudgeSettings = JudgeSettings()
    access_keys: Annotated[
        dict[str, str],
        Meta(
            description="Who may call the stand-in of Content Security (`standins: {green-cip: on}`): the secret of "
            "each access key.",
            examples=[{"LTAI-local": "${GUARD_SECRET}"}],
        ),
    ] = {}
