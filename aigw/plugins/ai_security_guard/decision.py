"""Decides what becomes of a text, by what the service said of it and by the bars of the configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from aigw.clients.green_cip import NO_LABEL, Data, Detail, Moderation
from aigw.plugins.ai_security_guard.config import Bars, Config, grade

_SENSITIVE = "sensitiveData"
_BARS = {
    "contentModeration": "content_moderation_level_bar",
    "promptAttack": "prompt_attack_level_bar",
    _SENSITIVE: "sensitive_data_level_bar",
    "maliciousUrl": "malicious_url_level_bar",
    "modelHallucination": "model_hallucination_level_bar",
    "customLabel": "custom_label_level_bar",
}
_ACTIONS = {kind: name.replace("_level_bar", "_action") for kind, name in _BARS.items()}
_HIGHEST = "max"
_DEFAULT_RISK = "high"


class Decision(NamedTuple):
    """What becomes of a text. `masked` is the text to pass on instead if `kind` is mask. `details` are the checks that
    denied a text, with their levels. `pending` is how many characters at the end may be the beginning of a finding,
    None if that is not known. `labels` and `words` say what was found, whatever is done about it. `advice` is what the
    service would tell the client."""

    kind: Literal["pass", "mask", "deny"]
    masked: str = ""
    details: Sequence[tuple[str, str]] = ()
    labels: Sequence[str] = ()
    words: str = ""
    advice: str = ""
    pending: int | None = None


PASS = Decision("pass")


class Decider:
    """Decides as today's Higress. With `follows`, a check without a bar does what the service suggests. Otherwise a
    level counts only if it reaches the bar, and without a bar only the highest level counts."""

    def __init__(self, config: Config, *, follows: bool) -> None:
        self._multi = config.multi
        self._follows = follows
        self._bars = _configured_bars(config)
        self._masks = {
            kind: getattr(config, name) or config.risk_action or ("mask" if follows and kind == _SENSITIVE else "block")
            for kind, name in _ACTIONS.items()
        }

    def __call__(self, said: Moderation, bars: Bars | None = None) -> Decision:
        """`bars` are those of the consumer, which go before those of all."""
        data = said.data or Data()
        given = self._bars if bars is None else {**self._bars, **_configured_bars(bars)}
        details = [each for each in data.detail or () if self._denies(each, given)]
        labels = [each.label or "" for each in data.result or () if each.label not in ("", None, NO_LABEL)]
        found = Decision(
            "pass",
            labels=list(
                dict.fromkeys(
                    [*labels, *(part.label or "" for each in data.detail or () for part in each.result or ())]
                )
            ),
            words=",".join(each.risk_words or "" for each in data.result or () if each.risk_words),
            pending=data.pending,
        )
        named = [(each.type or "", each.level or "") for each in details]
        if self._is_risky(data, given) or details:
            return found._replace(kind="deny", details=named or self._whole(data, given))
        masked = next((text for each in data.detail or () if (text := self._masked(each, given))), None)
        return found if masked is None else found._replace(kind="mask", masked=masked)

    def _is_risky(self, data: Data, given: Mapping[str, str]) -> bool:
        if self._multi:
            risk, attack = given.get("contentModeration", _HIGHEST), given.get("promptAttack", _HIGHEST)
            return _reaches(data.risk_level, risk) or _reaches(data.attack_level, attack)
        if self._follows and "promptAttack" in given and _reaches(data.attack_level, given["promptAttack"]):
            return True
        return _reaches(data.risk_level, given.get("risk", _DEFAULT_RISK))

    def _whole(self, data: Data, given: Mapping[str, str]) -> list[tuple[str, str]]:
        """Returns the verdict on the text as a whole, for the case that no detail has decided. Only MultiModalGuard has
        one."""
        if not self._multi:
            return []
        whole = (("contentModeration", data.risk_level), ("promptAttack", data.attack_level))
        return [(kind, level or "") for kind, level in whole if _reaches(level, given.get(kind, _HIGHEST))]

    def _denies(self, detail: Detail, given: Mapping[str, str]) -> bool:
        kind = detail.type or ""
        if kind not in _BARS or (kind == _SENSITIVE and self._masks[kind] == "mask" and detail.suggestion == "mask"):
            return False
        if kind in given:
            return (self._multi or self._follows) and _reaches(detail.level, given[kind])
        if self._follows:
            return detail.suggestion == "block"
        return self._multi and _reaches(detail.level, _HIGHEST)

    def _masked(self, detail: Detail, given: Mapping[str, str]) -> str | None:
        """The masked text, None if nothing is to be masked."""
        if detail.type != _SENSITIVE or detail.suggestion != "mask" or self._masks[_SENSITIVE] != "mask":
            return None
        bar = given.get(_SENSITIVE, "none" if self._follows else _HIGHEST)
        if not _reaches(detail.level, bar):
            return None
        return _desensitized(detail)


def decide_original_safely(said: Moderation, bars: Bars | None = None) -> Decision:
    """The form of June 2024, but what the service, or the screen of this machine, would mask is masked."""
    decision = decide_original(said)
    details = (said.data.detail if said.data is not None else None) or ()
    masking = [each for each in details if each.type == _SENSITIVE and each.suggestion == "mask"]
    masked = next((text for each in masking if (text := _desensitized(each))), None)
    if decision.kind == "deny" or masked is None:
        return decision
    labels = [part.label or "" for each in masking for part in each.result or ()]
    return Decision("mask", masked, labels=list(dict.fromkeys(labels)))


def decide_original(said: Moderation, bars: Bars | None = None) -> Decision:
    """The form of June 2024: denied is what the service has advice for, or a label."""
    data = said.data
    if data is None:
        return PASS
    first = data.result[0] if data.result else None
    labels = [first.label] if first is not None and first.label and first.label != NO_LABEL else []
    words = (first.risk_words or "") if first is not None else ""
    if data.advice:
        return Decision("deny", labels=labels, words=words, advice=data.advice[0].answer or "")
    return Decision("deny", labels=labels, words=words) if labels else PASS


def _configured_bars(bars: Bars) -> dict[str, str]:
    named = {kind: getattr(bars, name) for kind, name in _BARS.items()} | {"risk": bars.risk_level_bar}
    return {kind: bar for kind, bar in named.items() if bar}


def _reaches(level: str | None, bar: str) -> bool:
    return grade(level or "") >= grade(bar)


def _desensitized(detail: Detail) -> str | None:
    return next((text for part in detail.result or () if part.ext and (text := part.ext.desensitization)), None)
