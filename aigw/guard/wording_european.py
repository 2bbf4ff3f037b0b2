"""How attacks are worded in German, French, Spanish and Italian: only the plainest ones."""

from __future__ import annotations

from aigw.guard.wording import Wording

_ = r"[\s,]{1,3}"
_TO3 = rf"(?:[^\s.,;:!?]{{1,20}}{_}){{0,3}}"

EUROPEAN = Wording(
    sure={
        "override": (
            rf"(?i)\b(?:ignorier|ignoriere|missachte|vergiss){_}{_TO3}(?:anweisungen|instruktionen|richtlinien|"
            rf"vorgaben|regeln)\b",
            rf"(?i)\b(?:ignore[zr]?|oublie[zr]?){_}{_TO3}(?:instructions|consignes|directives)\b",
            rf"(?i)\b(?:ignora|ignore|ignorad|olvida|olvide){_}{_TO3}(?:instrucciones|directrices|indicaciones)\b",
            rf"(?i)\b(?:ignora|ignori|ignorate|dimentica|dimentichi){_}{_TO3}(?:istruzioni|direttive|indicazioni)\b",
        ),
        "prompt-leak": (
            rf"(?i)\b(?:zeige?|verrate?|nenne?|gib){_}{_TO3}dein(?:e|en){_}{_TO3}(?:system-?prompt|"
            rf"system-?anweisungen)",
            rf"(?i)(?:révèle|revele|montre|affiche|donne|répète){_TO3}[^.\n]{{0,12}}\b(?:tes|ton|vos|"
            rf"votre){_}{_TO3}(?:instructions|prompt|consignes){_}{_TO3}syst",
            rf"(?i)\b(?:revela|muestra|muéstrame|dime|imprime|repite){_}{_TO3}(?:tu|tus|"
            rf"sus?){_}{_TO3}(?:prompt|instrucciones){_}{_TO3}sistema",
            rf"(?i)\b(?:rivela|mostra|mostrami|dimmi|stampa|ripeti){_}{_TO3}(?:tu[oae]|tue|suo|"
            rf"sue){_}{_TO3}(?:prompt|istruzioni){_}{_TO3}sistema",
        ),
    },
    hints=(
        (
            "jailbreak",
            r"(?i)\b(?:ohne|keine|uneingeschränkt)[^.\n]{0,20}(?:regeln|richtlinien|einschränkungen|beschränkungen|"
            r"filter)|\buneingeschränkt\b",
        ),
        ("jailbreak", r"(?i)\bsans[^.\n]{0,16}(?:restrictions?|filtres?|limites?|règles)\b"),
        ("jailbreak", r"(?i)\bsin[^.\n]{0,16}(?:restricciones|filtros?|límites|limites|reglas|censura)\b"),
        ("jailbreak", r"(?i)\bsenza[^.\n]{0,16}(?:restrizioni|filtri|limiti|regole|censura)\b"),
        (
            "jailbreak",
            r"(?i)\b(?:du bist (?:jetzt|nun|ab jetzt)|tu es (?:désormais|maintenant)|vous êtes (?:désormais|"
            r"maintenant)|ahora (?:eres|estás|estas)|(?:ora|adesso) sei|ab jetzt|ab sofort|à partir de maintenant|"
            r"a partir de ahora|d'ora in poi)",
        ),
        (
            "override",
            r"(?i)\b(?:neue anweisung(?:en)?|nouvelles? (?:instructions?|consignes)|nuevas? instruccion(?:es)?|"
            r"nuov[ae] istruzion[ie])\s?:",
        ),
        (
            "jailbreak",
            r"(?i)\bmod(?:us|e|o|alità) (?:entwickler|développeur|desarrollador|sviluppatore|dan|jailbreak)\b|"
            r"\bentwicklermodus\b",
        ),
    ),
)
