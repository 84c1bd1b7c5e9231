"""A headline as lemmas: inflection, spelling and hyphens put aside by rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    r"[$€£] ?\d[\d,.]*|\d[\d,.]*%?|[a-z](?:\.[a-z])+\b|[a-z]+(?:[-'][a-z]+)*|"
    r"(?<= )-+(?= )|--|[;:?!,&%]"
)
# Forms that no rule leads back to their lemma.
_IRREGULAR = {
    form: lemma
    for lemma, forms in {
        "win": "won", "lose": "lost", "fall": "fell fallen", "rise": "rose risen",
        "sink": "sank sunk", "slide": "slid", "sell": "sold", "buy": "bought",
        "take": "took taken", "get": "got gotten", "build": "built", "choose": "chose chosen",
        "hold": "held", "keep": "kept", "meet": "met", "pay": "paid", "strike": "struck stricken",
        "withdraw": "withdrew withdrawn", "throw": "threw thrown", "swing": "swung",
        "beat": "beaten", "give": "gave given", "see": "saw seen", "grow": "grew grown",
        "break": "broke broken", "draw": "drew drawn", "shrink": "shrank shrunk", "leave": "left",
        "say": "said", "steal": "stole stolen", "find": "found", "seek": "sought",
        "uphold": "upheld", "fight": "fought", "make": "made", "blow": "blew blown",
        "freeze": "froze frozen", "overtake": "overtook", "program": "programme programmes",
        "license": "licence licences", "million": "mln mn m", "billion": "bln bn b",
        "trillion": "trn tn", "%": "pct percent", "quarter": "qtr", "slow": "slower slowest",
        "weak": "weaker weakest", "strong": "stronger strongest", "soft": "softer",
        "deep": "deeper deepest", "steep": "steeper", "sharp": "sharper", "large": "larger",
        "big": "bigger", "high": "higher", "tear": "tore torn", "forbid": "forbade forbidden",
        "tell": "told", "send": "sent", "lead": "led", "catch": "caught",
        "chief": "ceo cfo coo cto",
    }.items()
    for form in forms.split()
}  # fmt: skip
_MONEY = "$€£"
_SHORTEST_STEM = 3
_SUFFIXES = ("s", "es", "ed", "d", "ing", "ly")


class Word(NamedTuple):
    """One token: a lemma, or ``#`` for a number with its value and unit.

    The unit is ``$`` for any money, ``%``, or none.
    """

    lemma: str
    value: float = 0.0
    unit: str = ""


class Stems:
    """Leads words back to the lemmas of a vocabulary; what it does not know stays as it is."""

    def __init__(self, known: Callable[[str], bool]) -> None:
        self._known = known
        self._lemmas: dict[str, str | None] = {}

    def words(self, folded: str) -> list[Word]:
        """The words of a folded headline.

        >>> known = {"win", "writedown", "license"}.__contains__
        >>> [w.lemma for w in Stems(known).words("Won write-downs of licences")]
        ['win', 'writedown', 'of', 'license']
        """
        found: list[Word] = []
        for token in _TOKEN.findall(folded.lower()):
            if token[0].isdigit() or token[0] in _MONEY:
                found.append(_number(token))
            elif "-" in token[1:-1]:
                found += self._compound(token)
            else:
                found.append(Word(self._lemma(token) or _bare(token)))
        return found

    def _compound(self, token: str) -> list[Word]:
        whole = self._lemma(token.replace("-", ""))
        if whole is not None:
            return [Word(whole)]
        return [Word(self._lemma(part) or _bare(part)) for part in token.split("-")]

    def _lemma(self, token: str) -> str | None:
        if token not in self._lemmas:
            forms = _forms(_bare(token))
            self._lemmas[token] = next((form for form in forms if self._known(form)), None)
        return self._lemmas[token]


def _bare(token: str) -> str:
    return token.removesuffix("'s").replace(".", "")


def _number(token: str) -> Word:
    digits = token.strip("$€£% ,.").replace(",", "")
    unit = "$" if token[0] in _MONEY else "%" if token[-1] == "%" else ""
    return Word("#", float(digits) if digits.count(".") < 2 else 0.0, unit)


def _forms(token: str) -> Iterator[str]:
    """What ``token`` may be a form of, the likeliest first."""
    yield token
    if token in _IRREGULAR:
        yield _IRREGULAR[token]
    for stem in _stripped(token):
        yield from (stem, stem + "e")
        if len(stem) > _SHORTEST_STEM and stem[-1] == stem[-2]:
            yield stem[:-1]
    for british, american in (("is", "iz"), ("our", "or")):
        if british in token:
            yield from _forms(token.replace(british, american))


def _stripped(token: str) -> Iterator[str]:
    if token.endswith(("ies", "ied")):
        yield token[:-3] + "y"
    for suffix in _SUFFIXES:
        stem = token.removesuffix(suffix)
        if stem != token and len(stem) >= _SHORTEST_STEM and not token.endswith("ss"):
            yield stem
