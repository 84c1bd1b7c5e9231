"""Whether a headline tells of an event or of the everyday life of a company.

The theme says what news is about; much of what is about results or contracts is still routine: a
date is set, a dividend is as ever, a commentator asks a question. Surprise, size and finality are
what moves prices. The kinds below are those of financial journalism in general.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import NamedTuple

from agents.news.text import fold

_EVENT_LOG_ODDS = _ROUTINE_LOG_ODDS = 2.0


class Wording(NamedTuple):
    """``event``: something happened that was not sure; ``routine``: comment, calendar, as ever."""

    event: bool
    routine: bool

    @property
    def is_news(self) -> bool:
        """Whether it tells of an event and of nothing else."""
        return self.event and not self.routine

    @property
    def log_odds(self) -> float:
        """What it adds to the log-odds of being material, beside theme and source.

        Of each ten items of one theme, one or two tell of an event.
        """
        return _EVENT_LOG_ODDS * self.event - _ROUTINE_LOG_ODDS * self.routine


_LARGE = (
    r"(?:\$ ?[\d.,]+ ?(?:billion|bln|bn|b|trillion)\b|\$ ?\d{3,}(?:\.\d+)? ?(?:million|mln|mn|m)\b)"
)
_VIEW = (
    r"(?:guidance|outlook|forecasts?|views?|targets?|estimates?|expectations|projections?|"
    r"dividend)"
)
_FEW = r"(?:[\w$%.,'&/-]+ ){0,5}?"
_WORTH = r"\$ ?\d[\d.,]* ?(?:million|mln|mn|m)\b"
_CHIEF = r"(?:ceo|chief executive|cfo|finance chief|founder|chairman|auditor)"
_ORDER = r"(?:contracts?|orders?|agreement|awards?|deal|programme|program|project|customer)\b"
_MOVES = (
    r"(?:ris|fall|jump|surg|soar|plung|sink|tumbl|slump|slid|drop|gain|rall|climb|slip|spik|pop|"
    r"rocket|dip|rose|fell|sank)"
)

_ROUTINE = (
    # Comment and advice.
    r"\?(?:$| [-|])",
    r"^(?:why|how|what|who|when|where|is|are|should|can|could|will|does|do|did|has|here(?:'s| is|"
    r" are)|these|this|meet|my|want|forget|prediction)\b",
    r"^\d+ (?:\w+ ){0,4}(?:stocks?|things|reasons|ways|charts|numbers|etfs|takeaways|picks)\b",
    r"stocks? (?:to|for) (?:buy|watch|own|hold|avoid|consider)|better buy|best (?:stock|buy)|"
    r"stock vs|worth (?:buying|a look|it)|time to (?:buy|sell|take)|buy the dip|should you|"
    r"invested|millionaire|long-?term (?:investors?|winner)|need to know|things to know|"
    r"not selling",
    r"explained|opinion|podcast|interview|q&a|\bvideo[:|]|column\b|commentary|cramer|motley fool|"
    r"zacks|in focus|trending|round-?up|recap\b|\bwrap\b|week ahead|watchlist|factbox|timeline|"
    r"breakingviews|profile|(?:in|week|month|year)(?: in)? review\b|how to\b|(?:bull|bear) case|"
    r"by the numbers|a (?:closer )?look at|\bprimer\b|(?:industry|market|sector|stock|analyst) "
    r"(?:watch|corner|talk|chatter|trends?)|long view|comments? on|(?:better|well|best) placed|"
    r"^(?:comparing|peers)\b|(?:basket|index)\b.* constituents",
    r"^(?!.*(?:up|down)grad).*price target",
    # The market, or the price itself, which are known already.
    r"^(?:treasuries|forex|(?:us|global|european|asian?) (?:stocks|markets))\b ?-|"
    r"shares? (?:are )?(?:up|down|trading|higher|lower)\b",
    rf"(?:shares?|stock)(?: price)? (?:\w+ ){{0,3}}{_MOVES}|{_MOVES}\w* (?:\w+ )?(?:after|on the|"
    r"on heavy|in (?:early|late|light|heavy))|most active|here's what happened|gaps? (?:up|down)|"
    r"stock price|light trading|heavy trading|(?:day|session) (?:high|low)s?\b|trading halted|"
    r"halted (?:for|on) volatility|volatility pause|resumes? trading",
    # The calendar.
    r"\bto (?:present|speak|host|webcast|attend|participate|report|announce|release|discuss)\b|"
    r"presents? (?:at|data)|conference|webcast|\bpanel (?:on|discussion)|\bforum\b|"
    r"hold (?:[\w-]+ ){0,3}day\b|what to (?:expect|look for|watch)|preview|"
    r"earnings (?:date|calendar)|(?:re)?schedul(?:es?|ed|ing) (?:\w+ )?(?:earnings|results|call)|"
    r"sets? date|record date|annual (?:meeting|report)|calendar|fireside chat|investor day|"
    r"transcript|earnings call",
    # What is as it was.
    r"in line with|(?<!not )as expected|little changed|unchanged|no change|reaffirm\w*|"
    r"reiterat\w*|maintains?\b|affirms?\b|on track|(?:declares?|announces?|pays?|sets) "
    r"(?:[\w$.-]+ ){0,4}dividend|regular (?:quarterly|monthly)|ex-dividend|monthly|trading update|"
    r"denies|no comment|declines? to comment|renews?\b|terms (?:of the \w+ )?(?:were )?(?:not|un)|"
    rf"\b(?:backs|keeps|confirms) {_FEW}(?:{_VIEW}|at (?:buy|hold|sell|neutral))|"
    r"small (?:[\w-]+ ){0,3}start-?up|(?:outlook|trends?|demand|views?) (?:is |are |remains? )?"
    r"steady|steady (?:trends?|demand|outlook)|(?:extends?|renews?|expands?|deepens?) (?:[\w-]+ )"
    r"{0,3}(?:partnership|agreement|collaboration|alliance|pact|ties|relationship)|(?:closes|"
    r"completes|completed|finali[sz]es) (?:[\w-]+ ){0,4}"
    r"(?:deal|acquisition|merger|sale|offering)",
    # The life of a firm.
    r"named (?:to|one of|among)|best places|most admired|\brank(?:s|ed|ings?)?\b|survey|"
    r"\bawards? (?:for|in|from|show)|(?:wins?|won|receives?|earns?|gets?|named|takes?) (?:[\w'-]+ )"
    r"{0,4}(?:award|prize|medal|certification)s?$|honou?r\w*|recogni[sz]\w+|celebrat\w*|"
    r"anniversary|charit\w*|"
    r"donat\w*|foundation\b|communit\w+|volunteer\w*|scholarship|sponsor\w*|sustainability|\besg\b|"
    r"diversity|breaks ground|ribbon|(?:opens?|opening) (?:\w+ ){0,3}(?:office|store|facility|"
    r"cent(?:er|re)|branch|lab|shop|restaurant)|initiative|white paper|\bexpo\b|trade show|"
    r"marketing|\badverts?\b|advertis(?:ement|er)s?\b|advertising campaign|rebrand\w*|logo|"
    r"upgrades? (?:its|the) (?:app|website|software)|"
    r"(?:joins?|member of) (?:[\w'-]+ ){0,4}(?:group|consortium|alliance|coalition|association|"
    r"council|programme|program)\b|code of conduct|trademark|form 8-k|shelf (?:registration|"
    r"filing)?|13[dg]\b.*passive|passive stake|index fund|(?:hires?|recruits?) (?:for|to)\b|"
    r"expands? .*\bteam\b|"
    r"law firm|shareholder alert|investors? (?:alert|of deadline)|deadline|(?:reminds|alerts|"
    r"encourages|urges|investigat\w+) .*(?:investors|shareholders)|class action (?:filed|notice|"
    r"reminder)|in (?:the )?class action",
    # Lesser posts, and what insiders and funds do with their shares.
    r"(?:appoints?|names?|hires?|promotes?|elects?|adds?) (?:[\w.-]+ ){0,6}(?:vice president|vp|"
    r"svp|evp|director|head|general counsel|board)\b|to retire\b|(?:director|insider|executive|"
    r"officer)s? (?:[\w.]+ ){0,3}(?:sells?|buys?|sold|bought|purchases?)|form 4|exercises? options|"
    r"pre-arranged|10b5|short interest|(?:options?|unusual) (?:activity|traders?|volume)|(?:shares|"
    r"stake|position) (?:sold|bought|acquired|lifted|cut|raised|lowered|boosted|trimmed) by|"
    r"holdings? in\b",
    # What is made little of, and an opinion that stays what it was.
    r"\bminor\b|precaution\w*|\btoken\b|\bisolated\b|immaterial|\bold (?:law)?suit|no (?:material|"
    r"significant|financial) (?:impact|effect)|keeps? (?:its |the )?(?:[\w-]+ )?(?:rating|stance)|"
    r"(?:lifts?|raises?|ups|trims?|cuts?|lowers?) (?:price )?target (?:by|to|from) \$",
    # Small moves, and those of others.
    r"\bedges?\b|\binch(?:es|ed)?\b|nudge\w*|ticks? (?:up|down)|choppy|sector peers|with (?:the )?"
    r"(?:broader|wider|overall)|(?:out|under)performs? (?:competitors|peers|the market|market)|"
    r"competitors (?:on|despite|monday|tuesday|wednesday|thursday|friday)",
)

_EVENT = (
    # Surprise and size.
    r"(?:wider|narrower|bigger|smaller|better|worse|higher|lower|stronger|weaker)[- ](?:than|loss)|"
    r"breakthrough|returns? to profit|(?:hits?|sets?) (?:a |new )?records?\b|growth (?:stalls?|"
    r"accelerates?)|(?:sales|growth|revenues?|orders|bookings) (?:accelerat|stall)\w*|"
    r"(?:shipments?|deliveries|bookings|subscribers?) (?:falls? short|disappoint\w*|plung\w+)|"
    r"emergency|discover(?:s|y)|strikes (?:oil|gold|gas)|cuts? [\d,]+ (?:jobs|workers|staff)|"
    r"to (?:cut|axe|shed) [\d,]+ (?:jobs|workers|staff)|"
    r"surpris\w+|unexpected\w*|shock(?:s|ed|ing|er)?\b|stun(?:s|ned|ning)\b|blow-?out|"
    r"blockbuster|sharply|slash\w*|plung\w+|plummet\w*|collaps\w+|soar\w*|doubles?\b|triples?\b|"
    r"\bhalves|wide margin|(?:well|far|way) (?:above|below|ahead|short)|biggest|largest|landmark|"
    r"record (?!date|low volatility)|(?:worst|weakest|best|strongest|first) .*\bin (?:a |more "
    r"than |over |at least |\d+ |several |\w+ )*(?:years?|decades?|quarters?)|swings? to|"
    r"profit warning|pre-?announc\w*|crush\w*|smash\w*|"
    r"(?:revenues?|sales|profits?|earnings|orders|income|bookings) (?:tumbl|slump|surg|jump|sink)"
    r"\w+",
    # Results and views against what was thought.
    rf"(?:raises?|raised|hikes?|hiked|lifts?|lifted|boosts?|boosted|ups|cuts?|lowers?|lowered|"
    rf"trims?|trimmed|withdraws?|suspends?|suspended|scraps?|pulls|reduces?|eliminates?) "
    rf"{_FEW}{_VIEW}",
    rf"(?:beats?|tops?|topped|exceeds?|misses|missed|below|above|short of) {_FEW}(?:estimates?|"
    r"expectations|forecasts?|views?|consensus|street)",
    r"\b(?:misses|beats?)(?: badly| big)?(?= *(?:[;,.]|$|(?:by|on)\b))|sees (?:[\w-]+ ){0,4}loss\b|"
    r"(?:high|low|upper|lower|top|bottom) end of|warns? (?:on|of|about|that)|guides? (?:[\w-]+ )"
    r"{0,2}(?:lower|higher|below|above|up|down)|(?:results?|earnings|sales|revenues?|profits?|"
    r"orders|quarter) (?:badly )?(?:disappoint\w*|falls? short|fell short|slump\w*|tank\w*)|"
    r"(?:past|ahead of|topping|beating|missing|trailing|short of|shy of) (?:[\w-]+ ){0,3}"
    r"(?:estimates?|expectations|forecasts?|views?|consensus)|(?:strong|weak|soft|poor|dismal|"
    r"stellar|bumper) quarter\b",
    # Delay and loss.
    rf"running late|behind schedule|delays? {_FEW}(?:launch|opening|delivery|deliveries|plant|"
    rf"project|filing|production)|postpon\w*|pushes back|\b(?:loses?|lost|cancel\w*|terminat\w*) "
    rf"(?:[\w$.,'/-]+ ){{0,7}}?{_ORDER}|(?:customer|client|partner) (?:leaves|departs|walks|quits|"
    rf"drops)|restructuring advis\w+|"
    rf"(?:takes?|books?|records?|posts?) .*(?:charge|write-?down|write-?off|impairment)|"
    rf"impairment charge|drops .* as (?:a )?(?:supplier|customer|partner)|(?:contract|order|"
    rf"deal|programme|program) (?:is |was )?(?:cancel\w*|terminated|scrapped|axed)|"
    rf"(?:launch|delivery|project|report|filing) (?:is |was )?delayed|delays .*(?:annual|"
    rf"quarterly) "
    rf"(?:report|results)|(?:charge|write-?down|write-?off|hit) of {_LARGE}|credit rating (?:cut|"
    r"lowered)|(?:cut|downgraded|lowered) to junk|junk status|breach\w* .*covenants?|"
    r"covenant breach|misses .*(?:payment|coupon)|dilutive|at (?:a )?(?:\d+% |steep )?discount|"
    rf"(?:secondary|share|stock|equity|convertible)(?: notes)? (?:offering|sale)|sells {_LARGE} of "
    rf"(?:stock|shares)|\bto junk\b",
    # Deals.
    r"to be (?:acquired|bought|taken private)|agrees? to (?:be|buy|acquire|sell|merge)|"
    r"offers? to buy|takeover (?:bid|offer|interest|talks|approach)|unsolicited|hostile|"
    r"\bpremium (?:to|of|over)|% premium|tender offer|all-(?:cash|stock)|in talks (?:to|with)|"
    r"explor\w+ (?:a |possible )?(?:sale|takeover|merger|deal|bid)|activist|said to (?:bid|weigh|"
    r"explore|near|be (?:near|in|exploring))|(?:bids?|offers?) \$|(?:discloses?|reveals?|builds?|"
    r"takes?) (?:[\w.%]+ ){0,3}stake|bidding war|(?:sweetens?|raises?|ups|improves?|withdraws?|"
    r"rejects?|spurns?|rebuffs?) (?:[\w-]+ ){0,3}(?:bid|offer|approach)|(?:draws?|attracts?|"
    r"receives?|fields?|gets?) .*(?:interest|approach|bid|offer) from|buyout|spin(?:s|"
    r"ning)?[- ]off|"
    rf"(?:announces|authori[sz]es|approves|launches|unveils) .*{_LARGE}.*(?:buyback|repurchase)|"
    r"(?:split|break|separate) (?:up )?into|walks? away from|discloses? (?:[\w-]+ ){0,3}stake|"
    r"break-?up|special dividend|accelerated (?:share )?(?:buyback|repurchase)|sweeping|overhaul",
    rf"(?:acquires?|to (?:buy|acquire)|acquisition of|merger|buyout|deal) .*{_LARGE}|"
    r"(?:block|reject|abandon)\w* (?:[\w$.-]+ ){0,5}(?:deal|merger|takeover|bid|offer|"
    r"acquisition)|calls? off|(?:deal|merger|takeover) (?:\w+ )?(?:collapse|block|terminat|"
    r"reject)\w*",
    # Courts and those who enforce.
    r"(?:throws?|threw|toss(?:es|ed)?) out|overturn\w*|verdict|jury|judge?ment (?:vs|against|for|"
    r"of)\b|judge (?:rules?|blocks?|orders?|dismiss\w*|finds?)|court (?:rules?|blocks?|orders?|"
    r"upholds?|revers\w+|rejects?|backs?|sides?)|(?:wins?|won|loses?|lost) (?:[\w-]+ ){0,4}(?:"
    r"appeal|ruling|case|lawsuit|suit|fight|dispute|trial|battle)|raid(?:s|ed)?\b|indict\w*|"
    r"\bfraud\w*|overstat\w*|restat\w*|subpoena\w*|material weakness\w*|(?:accounting|criminal|"
    r"federal|antitrust|regulatory|formal|sec|doj|ftc|justice department) (?:probe|investigation|"
    r"inquiry|irregularit\w+)|probe finds|\bban(?:s|ned|ning)?\b|sanction\w*|(?:impos\w+|slap\w*|"
    r"threat\w*|rais\w+|"
    r"hit|hits|hurt|exempt\w*|spared?|faces?|new) (?:[\w%-]+ ){0,3}tariffs?\b|export "
    r"(?:curb|control|restriction|ban)\w*|(?:fined|fine of|penalty of)\b|(?:regulators?|"
    r"government|states?|ftc|doj|sec|justice department) (?:sues?|charges|accuses|fines?|opens?|"
    r"launch\w*|widens?|probes?|investigat\w*|raids?)|sued by (?:the )?(?:u\.?s|sec|ftc|doj|eu|"
    r"government|states?|justice|regulators?)|wells notice|"
    r"(?:eu|regulators?|watchdog|china|commission) fines?|(?:hit with|"
    r"faces) (?:a )?(?:class action|"
    r"lawsuit|suit|probe|fine)|(?:drops?|ends?|closes?) (?:its )?(?:probe|case|investigation)|"
    r"(?:settles?|to settle) .*(?:case|suit|probe|charges|claims)|patents? .*invalid\w*|"
    r"(?:antitrust|fraud|securities) "
    r"(?:law)?suit|(?:infring\w*|invalidat\w*|loses?|wins?) .*patents?|plan (?:is )?(?:vetoed|"
    r"rejected|blocked)|veto(?:es|ed)\b",
    # Those who approve, and trials.
    r"(?:fda|ema|regulators?|agency|panel|commission|eu|china) (?:unexpectedly )?(?:approv|reject|"
    r"clear|declin|refus|halt|block|vot|fast-track)\w*|(?:wins?|receives?|gets?|secures?|gains?|"
    r"granted|announces?) (?:[\w-]+ ){0,4}(?:approval|clearance|nod)\b|(?:grants?|"
    r"granted) (?:[\w-]+ ){0,3}approval|"
    r"survival benefit|complete response|clinical hold|"
    r"(?:meets?|met|miss\w*|fails?|failed|hits?) (?:[\w-]+ ){0,4}(?:endpoints?|goals?)\b|"
    r"(?:trial|study|drug|therapy|vaccine) (?:\w+ )?(?:fails?|failed|meets?|met|succeeds?|halted|"
    r"stopped|flops?|hits?|misses)|(?:safety|efficacy) concerns?|(?:halts?|stops?|pauses?|"
    r"ends) (?:[\w'-]+ ){0,4}(?:trial|study|production|"
    r"sales|shipments|deliveries)|trial (?:data|results)",
    # Orders and public money.
    rf"(?:wins?|won|secures?|lands?|awarded|awards?|signs?|nabs?|clinches|bags|inks|strikes?) "
    rf".*(?:{_LARGE}|{_WORTH})|(?:exclusive|multi-?year|\d+-year) (?:[\w-]+ ){{0,3}}{_ORDER}|"
    r"selected (?:by|for) .*\b(?:program|programme|contract|mission|project)\b|(?:major|record|"
    r"large|"
    r"huge|massive|big) (?:[\w-]+ )?(?:order|contract|deal)\b|"
    r"(?:picks|selects|chooses|taps) .*\b(?:program|programme|contract|supplier|bid)\b|"
    rf"subsid(?:y|ies|ise\w*|ize\w*)\b|\bgrants?\b .*{_LARGE}|{_LARGE} .*\bgrants?\b|government "
    r"(?:grant|loan|funding)",
    # Disasters.
    r"chapter (?:11|7)\b|bankrupt\w*|insolven\w*|\bdefaults?\b|going concern|delist\w*|"
    r"short[- ]seller|"
    r"is short\b|short report|\brecalls?\b|recalling|outage|data breach|explosion|grounded|"
    r"grounds fleet|"
    r"cyber-?attack|hack(?:ed|ers?)\b|operations (?:\w+ )?(?:suspended|halted|disrupted)|"
    r"workers (?:to )?strike\b|strike (?:begins|starts|halts|shuts|hits)|(?:workers|staff|crews|"
    r"pilots|union) (?:walk out|"
    r"go on strike|down tools)|walkout|cyber\w* (?:incident|breach)|ransomware|systems? (?:offline|"
    r"down|outage)|(?:idles?|shuts?(?: down)?|suspends?|closes?|evacuates?) (?:[\w-]+ ){0,3}"
    r"(?:plants?|factor(?:y|ies)|refiner(?:y|ies)|mines?|sites?|output|facilit(?:y|ies))|(?:output|"
    r"production|plant|operations) (?:is |are )?(?:suspended|shut|idled|halted)|(?:fire|blast|"
    r"accident|crash|collapse)\b.* (?:kills?|injures?|shuts?|halts?|destroys?)|injur(?:ies|ed)\b",
    # Who leads.
    rf"{_CHIEF} .*(?:resigns?|ousted|fired|quits|steps? down|to leave|leaves|abrupt\w*|departs|"
    rf"dies|killed|replaced)|(?:resign\w*|ousts?|ousted|fires|quits|abrupt\w*|departure|death|"
    rf"replaces?) .*{_CHIEF}|turnaround (?:veteran|expert|"
    r"specialist|plan)",
    # Ratings changed, indices joined.
    r"double[- ](?:up|down)grad\w*|\b(?:up|down)grade[sd]? .*to\b|(?:cuts?|lowers?) .*to (?:sell|"
    r"underperform|underweight|reduce)|(?:raises?|lifts?) .*to (?:buy|outperform|overweight)|"
    r"(?:join|joins|joining|added to|removed from|inclusion in|dropped from) (?:the )?(?:[\w-]+ )"
    r"{0,3}(?:s&p 500|dow jones|nasdaq[- ]100|index)",
)
_routine = re.compile("|".join(_ROUTINE), re.IGNORECASE)
_event = re.compile("|".join(_EVENT), re.IGNORECASE)


@lru_cache(maxsize=4096)
def wording(headline: str) -> Wording:
    """How a headline tells its story.

    >>> wording("Acme unexpectedly cuts full-year outlook")
    Wording(event=True, routine=False)
    >>> wording("Is it time to buy Acme?")
    Wording(event=False, routine=True)
    """
    folded = fold(headline)
    return Wording(bool(_event.search(folded)), bool(_routine.search(folded)))


def shifted(probability: float, log_odds: float) -> float:
    """A probability with its log-odds shifted.

    >>> round(shifted(0.5, 2.0), 3), round(shifted(shifted(0.3, 2.0), -2.0), 3)
    (0.881, 0.3)
    """
    odds = math.exp(log_odds) * probability / max(1 - probability, 1e-6)
    return odds / (1 + odds)
