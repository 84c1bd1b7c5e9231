"""Securities are found by how headlines name them, and words that are names need evidence."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.news.names import aliases
from agents.news.text import fold, tokens, without_rubric
from agents.news.tickers import TickerFinder
from benchmarks.news import SAME, TAGGED, score_tickers, securities
from schemas.news import Security
from tests.unit.newsroom import SECURITIES, shared_data

FINDER = TickerFinder(SECURITIES)


def found(headline: str) -> dict[str, str]:
    return {mention.symbol: mention.role for mention in FINDER.find(headline)}


@pytest.mark.parametrize(
    ("headline", "symbols"),
    [
        ("Exxon to resume Baytown coker restart Tuesday night -sources", "XOM"),
        ("BRIEF-Exxonmobil announces technology licensing agreement", "XOM"),
        ("IBM and Apple's partnership grows", "IBM AAPL"),
        ("AT&T;'S Consumer Portal wins award; Johnson and Johnson, J&J; too", "T JNJ"),
        ("AT&Ts CFO and BofAs Hartnett speak", "T BAC"),
        ("J.B. Hunt and J.P. Morgan in financing deal", "JBHT JPM"),
        ("Lowe’s profit misses views", "LOW"),
        ("Eli Lilly to buy a biotech", "LLY"),
        ("Merck KGaA lifts FY profit forecast on strong lab supplies", ""),
        ("Bristol-Myers squibb reports Q2 EPS", "BMY"),
        ("BRIEF-PPG industries investing $20 mln to upgrade its facility", "PPG"),
        ("Google unveils phone", "GOOG GOOGL"),
        ("Walmart and Wal-Mart are one", "WMT"),
        ("Subscriber additions drive T-Mobile's profit beat, forecast", "TMUS"),
        ("eBay falls after PayPal spin-off", "EBAY PYPL"),
        ("Coke sales rise as Coca-Cola expands in India", "KO"),
        ("Chip maker AMD buffeted by weak outlook", "AMD"),
    ],
)
def test_names_brands_and_initials(headline: str, symbols: str) -> None:
    assert list(found(headline)) == symbols.split()


@pytest.mark.parametrize(
    "headline",
    [
        "Key to growth is low rates, says Fed's Yellen",
        "IT budgets are now all on hold",
        "ALL EYES ON FED NOW AS RATES GO LOW",
        "Fed's target on inflation is in sight",
        "Gap between rich and poor widens",
        "Visa rules tightened for students",
        "Now Is the Best Buy Time for Tech",
        "A Target on His Back",
        "U.S. judge rules on U.S. law as U.S. stocks gain",
        "Nasdaq falls 2 percent, Dow slides and S&P 500 sinks",
        "Is It Too Late To Consider BAE Systems (LSE:BA.) After Its Run?",
        "Harrison Ford hurt in plane crash",
        "Rob Ford out as mayor of Toronto",
        "Duke University wins game; Mekong Delta floods",
        "China Southern in talks on jets",
        "Leading Private Jet Charter Company Announces Growth",
        "The Bureau of Access (BA) has no comment",
        "he said on all of it",
        "",
        "$$$ ((( NYSE: )",
    ],
)
def test_common_words_persons_and_places_are_not_companies(headline: str) -> None:
    assert found(headline) == {}


@pytest.mark.parametrize(
    ("headline", "symbols"),
    [
        ("Target raises forecast", "TGT"),
        ("Shares of Target and of Gap Inc fall", "TGT GPS"),
        ("Rivals say Visa has the edge over cash", "V"),
        ("Visa: Fiscal Q3 Earnings Snapshot", "V"),
        ("Best Buy shares fall", "BBY"),
        ("Nasdaq CEO sees more listings", "NDAQ"),
        ("Why Meta Stock Fell", "META"),
        ("$A and $KEY rally with $NOPE", "A KEY"),
        ("Why It Rose (NYSE: T, VZ)", "T VZ"),
        ("Chip firm up again (NASDAQ:ON)", "ON"),
        ("Gartner (IT) tops estimates", "IT"),
        ("Home Improver (XOM) Under Another Name", "XOM"),
        ("Market wrap: AMD, AAPL and the rest", "AAPL AMD"),
        ("AMD shares jump", "AMD"),
        ("S&P Global to buy a rival", "SPGI"),
    ],
)
def test_evidence_makes_a_word_a_name(headline: str, symbols: str) -> None:
    assert sorted(found(headline)) == sorted(symbols.split())


@pytest.mark.parametrize(
    ("headline", "actor", "subject"),
    [
        ("Goldman cuts Apple to neutral", "GS", "AAPL"),
        ("JP Morgan Maintains Overweight on Agilent Technologies, Raises price target", "JPM", "A"),
        ("BRIEF-Moody's: Boeing's higher cash offer is credit negative", "MCO", "BA"),
        ("Citigroup analyst sees Apple at $200", "C", "AAPL"),
        ("Exxon to present at Goldman Sachs Conference", "GS", "XOM"),
        ("MOVES-Citi names ex-Goldman banker head of China", "GS", "C"),
    ],
)
def test_who_rates_or_hosts_is_an_actor(headline: str, actor: str, subject: str) -> None:
    assert found(headline) == {actor: "actor", subject: "subject"}


@pytest.mark.parametrize(
    ("headline", "symbol"),
    [("Goldman Sachs profit falls", "GS"), ("Moody's shares fall after probe", "MCO")],
)
def test_a_broker_with_news_of_its_own_is_the_subject(headline: str, symbol: str) -> None:
    assert found(headline) == {symbol: "subject"}


def test_shared_first_words_name_nobody() -> None:
    finder = TickerFinder(
        [Security("RXA", "Rexmark Oil Corp."), Security("RXB", "Rexmark Petroleum")]
    )
    assert finder.find("Rexmark to cut output") == []
    assert [m.symbol for m in finder.find("Rexmark Petroleum to cut output")] == ["RXB"]


def test_reference_data_may_come_late_change_and_go() -> None:
    finder = TickerFinder()
    assert finder.find("Quantexa Corp rises") == []
    finder.add(Security("QTX", "Quantexa Holdings plc Ordinary Shares"))
    assert [m.symbol for m in finder.find("Quantexa rises")] == ["QTX"]
    finder.add(Security("QTX", "Zelphon Inc", aliases=["Quantexa", "ZelPay"]))
    assert {m.text for m in finder.find("Zelphon, Quantexa")} == {"Zelphon"}
    assert [m.symbol for m in finder.find("ZelPay rises")] == ["QTX"]
    finder.remove("QTX")
    assert finder.find("Zelphon and $QTX rise") == []


@given(st.randoms(use_true_random=False))
def test_the_order_of_reference_data_does_not_matter(shuffler: random.Random) -> None:
    shuffled = list(SECURITIES)
    shuffler.shuffle(shuffled)
    for headline in ("Ford, GE and Duke Energy rise", "Goldman cuts Gap Inc to sell", "Google up"):
        assert TickerFinder(shuffled).find(headline) == FINDER.find(headline)


@given(st.text(max_size=300))
def test_no_text_breaks_the_finder(text: str) -> None:
    for mention in FINDER.find(text):
        assert mention.symbol in FINDER


def test_names_lose_their_legal_form() -> None:
    def spellings(name: str) -> set[str]:
        return {" ".join(alias.words) for alias in aliases("XX", name, [])}

    assert "boeing" in spellings("Boeing Company")
    assert "itau unibanco banco" in spellings(
        "Itau Unibanco Banco Holding SA American Depositary Shares (Each repstg 500 Preferred"
    )
    assert "eli lilly" in spellings("Lilly (Eli) & Co.")
    assert "dr horton" in spellings("D. R. Horton")
    assert spellings("") == set()


def test_texts_compare_equal_however_they_are_written() -> None:
    assert fold("S&P; “Café” – Lowe’s &amp; Co") == "S&P “Cafe” - Lowe's & Co"
    assert [t.norm for t in tokens("J.P. Morgan, Amazon.com and AT&T")] == [
        "jp", "morgan", "amazon", "&", "at&t",
    ]  # fmt: skip
    assert without_rubric("UPDATE 2-RPT-Apple rises") == "Apple rises"
    assert without_rubric("Correction: Apple rises") == "Apple rises"
    assert without_rubric("BRIEF-") == "BRIEF-"


@pytest.mark.data
@pytest.mark.parametrize(
    ("label", "precision", "recall"),
    [("2013 Reuters", 0.88, 0.96), ("2016 Reuters", 0.95, 0.97), ("2015-16 Reuters", 0.93, 0.96)],
)
def test_real_headlines_are_tagged_as_their_source_tagged_them(
    label: str, precision: float, recall: float
) -> None:
    data = shared_data()
    known = securities(data)
    named = frozenset(SAME.get(s.symbol, s.symbol) for s in known if s.name)
    score, _ = score_tickers(TickerFinder(known), data / TAGGED[label], named)
    assert score.both / (score.both + score.only_found) > precision
    assert score.both / (score.both + score.only_given) > recall
