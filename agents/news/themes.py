"""What kind of news a headline is: one theme each, with its prior weight and half-life."""

from __future__ import annotations

import re
from dataclasses import dataclass

from schemas.times import US_PER_S

HOUR_S = 3_600
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Theme:
    """A kind of news.

    ``prior`` is how likely such news moves its security before anything is learned; it keeps half
    its weight after ``half_life_s`` seconds of event time. ``pattern`` is matched against the
    folded headline in small letters.
    """

    name: str
    prior: float
    half_life_s: int
    pattern: str


# In order: the first that matches is the theme, so the more telling kind comes before.
THEMES: tuple[Theme, ...] = (
    Theme(
        "bankruptcy", 0.75, 5 * DAY_S,
        r"bankruptcy|bankrupt|chapter (?:11|7)\b|insolven\w+|going concern|liquidation|"
        r"creditor protection|debt restructuring|delist\w*",
    ),
    Theme(
        "halt", 0.70, 4 * HOUR_S,
        r"trading (?:is |was )?(?:halt\w*|suspend\w*)|halts? trading|suspends? trading|circuit "
        r"breaker",
    ),
    Theme(
        "transcript", 0.08, 4 * HOUR_S,
        r"transcript|conference call|to (?:webcast|present at|host|announce|report|release)\b|"
        r"presents at|"
        r"(?:sets|schedules|announces) (?:date|earnings release|\w+ \w+ conference)|investor day|"
        r"earnings (?:date|preview|scheduled)|what to expect|preview\b|annual meeting",
    ),
    Theme(
        "merger", 0.40, 3 * DAY_S,
        r"acqui(?:re|res|red|ring|sition|sitions)\b|merg(?:e|es|er|ers|ing)\b|takeover|take "
        r"private|"
        r"buyout|to buy\b|to be bought|offers? to buy|in talks (?:to|with)|unsolicited|tender "
        r"offer|"
        r"hostile bid|\bbids?\b (?:for|from|of)|spin-?off|spin off|divest\w*|strategic "
        r"alternatives|"
        r"explor\w+ (?:a )?sale|stake in|activist|asset sales?|"
        r"(?:to sell|sells?|sale of) (?:\w+ ){0,3}(?:unit|business|stake|assets|division|"
        r"operations)",
    ),
    Theme(
        "guidance", 0.45, 2 * DAY_S,
        r"guidance|outlook|forecasts?\b|(?:cuts?|raises?|lowers?|lifts?|trims?|slashes|hikes?|"
        r"reaffirms?|"
        r"boosts?|ups|narrows|withdraws) (?:\w+[ -]){0,3}(?:view|estimate|target for|expectation)|"
        r"profit warning|warns (?:on|of|about|that)|sees (?:fy|q[1-4]|full|first|second|third|"
        r"fourth|"
        r"20\d\d)|expects (?:fy|q[1-4]|full|20\d\d)|preannounce\w*|preliminary results",
    ),
    Theme(
        "analyst", 0.20, DAY_S,
        r"upgrad\w+|downgrad\w+|price target|target price|\bpt (?:to|raised|cut)|initiat\w+ "
        r"(?:coverage|at|"
        r"with)|starts? (?:\w+ ){1,3}(?:at|with)\b|reiterat\w+|overweight|underweight|outperform|"
        r"underperform|(?:to|at) (?:buy|sell|hold|neutral)(?=$|[,;.:]| from| on\b| rating)|"
        r"analysts?\b|rating\b|\brates?\b .* (?:buy|sell)|"
        r"bullish call|bearish call|moody'?s|fitch|\bs&p (?:cuts|raises|affirms|lowers|assigns)",
    ),
    Theme(
        "earnings", 0.50, DAY_S,
        r"earnings|\bprofits?\b|\beps\b|net (?:income|loss)|quarterly|qtrly|\bq[1-4]\b|"
        r"(?:first|second|third|fourth|1st|2nd|3rd|4th)[- ](?:quarter|qtr)|results\b|revenues?\b|"
        r"per share|\bffo\b|same-store|comparable sales|sales (?:rise|rose|fall|fell|beat|miss|"
        r"jump|drop|"
        r"up|down)|(?:beats?|miss(?:es)?|tops?) (?:\w+ )?(?:estimates|expectations|views|"
        r"forecasts)",
    ),
    Theme(
        "capital", 0.20, 2 * DAY_S,
        r"offering\b|buy-?backs?|repurchas\w+|dividends?\b|stock split|share split|\bipo\b|"
        r"notes due|"
        r"senior notes|convertible|raises \$|private placement|at-the-market|prices? (?:public|"
        r"secondary|"
        r"upsized)|debt deal|bond sale|refinanc\w+|credit (?:facility|agreement)",
    ),
    Theme(
        "outage", 0.25, 12 * HOUR_S,
        r"outage|cyber\w*|hack(?:ed|ers?|ing)?\b|breach\b|ransomware|data leak|explosion|\bfire at|"
        r"crash(?:es|ed)?\b (?:of|in|near|kills)|grounded|grounding|derail\w*|\bspill\b|"
        r"shut(?:s|ting)? down|"
        r"accident|recalls?\b|recalling|safety (?:probe|issue|concern)",
    ),
    Theme(
        "drug", 0.40, 2 * DAY_S,
        r"\bfda\b|clinical|phase (?:1|2|3|i|ii|iii)\b|\btrial (?:data|results|meets|fails|fell|"
        r"shows|met)|"
        r"drug (?:fails|approv\w+|candidate)|orphan drug|breakthrough therapy|\bnda\b|\bema\b|"
        r"late-stage|mid-stage|510\(k\)",
    ),
    Theme(
        "legal", 0.20, 2 * DAY_S,
        r"lawsuits?|\bsu(?:es|ed|ing)\b|probes?\b|investigat\w+|subpoena\w*|antitrust|"
        r"settle\w*|\bfin(?:ed|es)\b|"
        r"penalt\w+|court\b|judge|jury|verdict|patent|\bsec\b|\bdoj\b|\bftc\b|regulators?|"
        r"regulatory|"
        r"charged with|fraud|indict\w+|whistleblower|injunction|dispute|litigation|"
        r"prosecutors?|ban(?:s|ned)?\b|sanctions?|class action",
    ),
    Theme(
        "management", 0.20, DAY_S,
        r"\b(?:ceo|cfo|coo|cto|chairman|chief \w+ officer|president|board|director)s? (?:\w+ ){0,3}"
        r"(?:resign\w*|steps? down|to leave|leaves|retires?|departs?|out\b|ousted|fired|named|"
        r"quits?)|"
        r"(?:names?|appoints?|hires?|taps|elects?|promotes?) .*(?:ceo|cfo|coo|cto|chief|president|"
        r"chair\w*|director|head|board|officer)|resigns?|steps down|successor|layoffs?|job cuts|"
        r"cuts? (?:[\d,]+ )?jobs|restructur\w+|strike\b|union vote",
    ),
    Theme(
        "contract", 0.20, DAY_S,
        r"contracts?\b|awarded|wins? (?:\$|order|deal|bid)|orders? (?:for|from|worth)|partner\w*|"
        r"collaborat\w+|agreement|joint venture|\bjv\b|teams? up|signs?\b|supply deal|\bdeal\b|"
        r"selects?\b|"
        r"selected by",
    ),
    Theme(
        "product", 0.18, DAY_S,
        r"launch\w*|unveil\w*|introduc\w+|releas\w+|new (?:product|model|phone|chip|service|"
        r"drug|store)|"
        r"debuts?|rolls? out|expands?|opens?\b|to build|plant\b|production|deliveries|recall",
    ),
    Theme(
        "movers", 0.25, 6 * HOUR_S,
        r"(?:shares?|stocks?) (?:\w+ ){0,3}(?:rise|rises|fall|falls|jump\w*|surg\w*|slid\w*|"
        r"drop\w*|gain\w*|"
        r"plung\w*|soar\w*|slump\w*|tumbl\w*|ralli\w*|climb\w*|sink\w*|slip\w*|higher|lower|up|"
        r"down)|"
        r"stocks to watch|movers|moving (?:today|on|the most)|stock (?:is|was) (?:up|down|"
        r"falling|rising)",
    ),
    Theme(
        "macro", 0.12, 12 * HOUR_S,
        r"\bfed\b|fomc|interest rates?|inflation|\bcpi\b|\bgdp\b|jobless|payrolls|tariffs?|"
        r"trade war|"
        r"treasur(?:y|ies)|central bank|\becb\b|\bboj\b|recession|\bopec\b|oil prices?|crude|"
        r"wall street|futures|dow jones|s&p 500|nasdaq|economy|economic",
    ),
)  # fmt: skip
OTHER = Theme("other", 0.12, 12 * HOUR_S, r"(?!)")

_BY_NAME = {theme.name: theme for theme in (*THEMES, OTHER)}
_COMPILED = [(re.compile(theme.pattern), theme) for theme in THEMES]


def theme_of(folded: str) -> Theme:
    """The theme of a folded headline; ``other`` if nothing tells."""
    lower = folded.lower()
    return next((theme for pattern, theme in _COMPILED if pattern.search(lower)), OTHER)


def theme(name: str) -> Theme:
    """The theme of that name; ``other`` for a name that is not known."""
    return _BY_NAME.get(name, OTHER)


def decayed(materiality: float, age_us: int, half_life_s: float) -> float:
    """What is left of a materiality after ``age_us`` microseconds; nothing decays backwards.

    >>> decayed(0.8, 3_600_000_000, 3600)
    0.4
    """
    return float(materiality * 0.5 ** (max(0, age_us) / (half_life_s * US_PER_S)))
