"""How far a source is trusted: 1 wires and filings, 2 press, 3 aggregators, 4 unknown."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlsplit

from agents.news.words import words_of

UNKNOWN_TIER = 4

# Names and hosts, lower case, without punctuation and spaces, by tier.
TIERS: dict[int, frozenset[str]] = {
    1: words_of(
        """reuters thomsonreuters dowjones dowjonesnewswires dj djn bloomberg bloombergnews ap
        associatedpress afp businesswire prnewswire globenewswire globenewswireinc accesswire
        marketwired newsfilecorp newsfile sec secedgar edgar secgov nyse nasdaq nasdaqtrader
        mtnewswires rns regulatorynewsservice fda federalreserve justicedepartment"""
    ),
    2: words_of(
        """wsj wallstreetjournal thewallstreetjournal nyt nytimes newyorktimes thenewyorktimes ft
        financialtimes cnbc cnbctelevision cnbcinternationaltv cnn cnnbusiness barrons
        barronscom marketwatch forbes fortune economist theeconomist guardian theguardian
        washingtonpost businessinsider foxbusiness bbc nikkei axios politico usatoday latimes
        skynews investorsbusinessdaily ibd bloombergtechnology bloombergmarketsandfinance
        techcrunch wired theverge theinformation newyorkpost sky abcnews nbcnews cbsnews
        yahoofinance statnews statestreet fiercepharma deadline variety hollywoodreporter
        benzinga thefly"""
    ),
    3: words_of(
        """yahoo yahoofinancevideo finnhub finviz seekingalpha motleyfool themotleyfool fool
        zacks zacksinvestmentresearch insidermonkey gurufocus gurufocuscom simplywallst
        stockstory tipranks marketbeat 247wallst 247wallstreet investorplace thestreet invezz
        finbold proactive proactiveinvestors chartmill fintel barchart investing investingcom
        investopedia moby cryptoprowl fxempire schwabnetwork pymnts schaeffersresearch
        oilprice oilpricecom nasdaqcom stocktwits reddit twitter x youtube substack medium
        quartz moneywise gobankingrates etfcom techxplore fastcompany geekwire cnet
        venturebeat execedge kiplinger"""
    ),
}
_TIER_OF = {name: tier for tier, names in TIERS.items() for name in names}
_PUNCTUATION = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=4096)
def source_tier(source: str, url: str | None = None) -> int:
    """The tier of a source by its name (the part before a slash too), else by its ``url``."""
    for name in (source, source.split("/")[0]):
        tier = _TIER_OF.get(_PUNCTUATION.sub("", name.lower()))
        if tier is not None:
            return tier
    return _tier_of_host(url) if url else UNKNOWN_TIER


def _tier_of_host(url: str) -> int:
    try:
        host = (urlsplit(url).hostname or "").lower()
    except ValueError:
        return UNKNOWN_TIER
    labels = host.split(".")
    keys = ["".join(labels[-2:]), labels[-2]] if len(labels) > 1 else labels
    return next((_TIER_OF[key] for key in keys if key in _TIER_OF), UNKNOWN_TIER)
