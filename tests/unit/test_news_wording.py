"""How headlines tell their story: events apart from the everyday."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.news.wording import wording


@pytest.mark.parametrize(
    "headline",
    [
        "General Electric slashes dividend to a penny as Culp begins overhaul",
        "Chipotle sales sharply below estimates",
        "Wells Fargo fined $1 billion over mortgages",
        "Lockheed awarded $5 bln Pentagon contract",
        "Biogen halts Alzheimer's trial",
        "Mondelez offers to buy Hershey",
        "U.S. court blocks Aetna-Humana merger",
        "Ford CEO ousted after profit drop",
        "Toyota recalls a million cars",
        "Uber to join the S&P 500",
        "Boeing loses order for 20 jets to Airbus",
        "Pfizer double upgraded to buy, price target raised",
        "Macy's posts weakest quarter in a decade",
        "Carvana debt cut to junk",
        "Clorox reports cybersecurity incident, pulls systems offline",
        "Ford workers walk out, shutting plants",
        "Suitor sweetens offer for Kroger",
        "EU fines Meta 2 billion euros",
        "Nike hit by new tariffs",
    ],
)
def test_an_event_is_told_as_one(headline: str) -> None:
    assert wording(headline).event


@pytest.mark.parametrize(
    "headline",
    [
        "Is it time to buy Apple stock?",
        "US STOCKS-Wall St wavers ahead of Fed meet, Apple earnings",
        "TREASURIES-Yields rise on Microsoft bond offering",
        "3 growth stocks to buy now",
        "Why Netflix stock is falling today",
        "Pepsi declares regular quarterly dividend",
        "Palantir Q2 deep dive: commercial demand lifts growth",
        "Billionaire sold his entire stake in Palantir in favor of a dividend stock",
        "Rival narrows outlook: what it means for Nvidia",
        "Walmart reports next week: Wall Street expects growth",
        "UBS cuts Brent outlook as supply stays firm",
        "Goldman boosts Chevron price targets as cash flow brightens",
        "Intel to present at technology conference",
        "Merck reaffirms full-year guidance",
        "Cisco named to list of best places to work",
        "Nvidia director sells 5,000 shares",
        "Goldman shares jump after results",
        "Oracle closes acquisition of software maker",
        "Nike comments on industry talk about tariffs",
        "Ford joins trade group on tariffs",
        "Verizon wins design award",
        "Target and Kohl's extend partnership",
        "Index fund reports 6.0% passive stake in Xerox",
        "Price target for Pfizer raised at UBS",
        "Law firm reminds Kraft investors of deadline in class action",
        "Vanguard maintains 5.1% stake in Kroger",
        "Halliburton not affected by supplier's data breach, spokeswoman says",
        "Fraud attempt at KeyCorp branch foiled",
        "Moderna reports inducement grants under Nasdaq Listing Rule 5635(c)(4)",
        "Pfizer shares little changed ahead of second-quarter figures",
        "Pension fund lifts Deere holding by 73,000 shares",
        "Sector watch: chip orders at Intel and Micron",
    ],
)
def test_the_everyday_is_told_as_routine(headline: str) -> None:
    told = wording(headline)
    assert told.routine
    assert not told.event


def test_a_plain_headline_is_neither() -> None:
    told = wording("Microsoft and Accenture work on cloud tools")
    assert not told.event
    assert not told.routine


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    wording(text)
