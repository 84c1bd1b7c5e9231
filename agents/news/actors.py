"""Who acts and who is acted upon: a broker, a rating agency or a medium is not the subject."""

from __future__ import annotations

import re

from schemas.news import Role

_RATERS = re.compile(r"^(?:moody'?s|s&p)")
_BROKERS = re.compile(
    r"^(?:goldman|morgan stanley|j\.?p\.? ?morgan|citi|bofa|b of a|bank of america|merrill|"
    r"wells fargo|deutsche bank|credit suisse|ubs|barclays|jefferies|raymond james|hsbc|rbc|"
    r"stifel|keybanc|blackrock|evercore|piper|oppenheimer|truist|mizuho|cowen)"
)
_MEDIA = re.compile(r"^(?:twitter|facebook|instagram|youtube|snapchat|google|nasdaq|news)")

_OWN_AFFAIRS = re.compile(
    r"^(?:'s)?(?: (?:corp\w*|inc|group|&|co))*,? (?:\(|shares|stock|profit|earnings|q[1-4]|first-q|"
    r"second-q|third-q|fourth-q|quarter|revenue|dividend|ceo|cfo|beats|misses|reports|posts|to buy|"
    r"to acquire|to sell|to cut|to pay|to settle|sued|fined|settles|hit by)"
)
_RATING_WORDS = re.compile(
    r"\b(?:upgrad\w+|downgrad\w+|price target|target price|pt|rating|overweight|underweight|"
    r"outperform|underperform|neutral|buy|sell|hold|initiat\w+|coverage|conviction|estimates|"
    r"maintains?|reiterat\w+|reinstat\w+|resum\w+|bullish|bearish|top picks?)\b"
)
_ROLE_AFTER = re.compile(
    r"^(?:'s)? (?:analysts?|strategists?|economists?|bankers?|research|conference|\w+ conference|"
    r"healthcare conf|says|sees|expects|survey|fund manager|presents|among|upgrades|downgrades)"
)
_AT_BEFORE = re.compile(r"(?:\bex-|\bformer |\bpresent(?:s|ing)? at (?:the )?|\bto speak at )$")
_ON_BEFORE = re.compile(r"\b(?:on|via|uses?|using|through) $")
_MEDIUM_AFTER = re.compile(r"^ (?:page|post|live|video|user|users|account|feed|friend|ads?)\b")


def role_of(name: str, start: int, lowered: str, securities: int) -> Role:
    """The part that ``name``, found at ``start`` in the lower-cased text, plays in it.

    ``securities`` is how many the text names: who rates nobody is talked about.
    """
    name = name.lower()
    after = lowered[start + len(name) :]
    before = lowered[:start]
    if _AT_BEFORE.search(before):
        return "actor"
    if _RATERS.match(name):
        return "subject" if _OWN_AFFAIRS.match(after) else "actor"
    if _BROKERS.match(name):
        return _broker_role(before, after, securities)
    if _MEDIA.match(name) and (_ON_BEFORE.search(before) or _MEDIUM_AFTER.match(after)):
        return "mention"
    return "subject"


def _broker_role(before: str, after: str, securities: int) -> Role:
    if _ROLE_AFTER.match(after) or (not after.strip() and before.endswith(("-", "- ", ": "))):
        return "actor"
    if _OWN_AFFAIRS.match(after):
        return "subject"
    if securities > 1 and _RATING_WORDS.search(after):
        return "actor"
    if re.search(r"\b(?:by|from|at) (?:the )?$", before) and _RATING_WORDS.search(before):
        return "actor"
    return "subject"
