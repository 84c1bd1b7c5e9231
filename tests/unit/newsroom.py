"""Securities and items for the tests of news."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.news.desk import NewsDesk
from schemas.news import News, Security
from schemas.times import US_PER_S, from_us

SHARED = Path(__file__).resolve().parents[2] / "../shared/data"
NOW = 1_518_791_400 * US_PER_S  # 2018-02-16 14:30 UTC
HOUR = 3600 * US_PER_S

NAMES = {
    "A": "Agilent Technologies Inc",
    "AAPL": "Apple Inc.",
    "ALL": "Allstate Corp",
    "ADBE": "Adobe Systems Inc",
    "AMD": "Advanced Micro Devices Inc",
    "BA": "Boeing Company",
    "BABA": "Alibaba Group Holding Limited American Depositary Shares each representing eight",
    "BAC": "Bank of America Corp",
    "BBY": "Best Buy Co. Inc.",
    "BMY": "Bristol-Myers Squibb",
    "BRK.B": "Berkshire Hathaway",
    "C": "Citigroup Inc.",
    "CHTR": "Charter Communications",
    "DAL": "Delta Air Lines Inc.",
    "DUK": "Duke Energy",
    "EBAY": "eBay Inc.",
    "F": "Ford Motor",
    "GE": "General Electric",
    "GOOG": "Alphabet Inc Class C",
    "GOOGL": "Alphabet Inc Class A",
    "GPS": "Gap Inc.",
    "GS": "Goldman Sachs Group",
    "IBM": "International Business Machines",
    "IT": "Gartner Inc",
    "JBHT": "J. B. Hunt Transport Services",
    "JNJ": "Johnson & Johnson",
    "JPM": "JPMorgan Chase & Co.",
    "KEY": "KeyCorp",
    "KO": "Coca-Cola Company (The)",
    "LLY": "Lilly (Eli) & Co.",
    "LOW": "Lowe's Cos.",
    "MCO": "Moody's Corp",
    "META": "Meta Platforms",
    "MRK": "Merck & Co.",
    "NDAQ": '"Nasdaq',
    "NOW": "ServiceNow",
    "ON": "ON Semiconductor",
    "PPG": "PPG Industries",
    "PYPL": "PayPal",
    "SO": "Southern Co.",
    "SPGI": "S&P Global",
    "T": "AT&T Inc.",
    "TGT": "Target Corp.",
    "TMUS": "T-Mobile US",
    "USB": "U.S. Bancorp",
    "V": "Visa Inc.",
    "VZ": "Verizon Communications",
    "WMT": "Wal-Mart Stores",
    "XOM": "Exxon Mobil Corp.",
}
SECURITIES = [Security(symbol, name) for symbol, name in NAMES.items()]


def desk() -> NewsDesk:
    """A news desk that knows the securities above."""
    made = NewsDesk()
    for security in SECURITIES:
        made.reference(security)
    return made


def item(id: str, headline: str, at: int = NOW, symbols: str = "", source: str = "Reuters") -> News:
    """A news item; ``symbols`` separated by spaces."""
    return News(id, from_us(at), headline, symbols.split(), source)


def shared_data() -> Path:
    """The directory of the real data; skips where there is none."""
    if not SHARED.is_dir():
        pytest.skip("../shared/data is absent")
    return SHARED
