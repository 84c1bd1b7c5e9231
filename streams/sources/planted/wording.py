"""What headlines say: templates by theme, good and bad, weighty and everyday.

``{n}`` is the company, ``{o}`` another that is not listed, ``{b}`` the other one of a pair,
``{t}`` a topic, ``{p}`` a percentage, ``{m}`` an amount, ``{q}`` a quarter, ``{c}`` a place.
"""

from __future__ import annotations

GOOD: dict[str, tuple[str, ...]] = {
    "earnings": (
        "{n} Q{q} profit jumps {p}%, tops estimates on {t}",
        "{n} beats quarterly expectations as {t} strengthen",
        "{n} posts record quarterly earnings, revenue up {p}%",
        "{n} reports Q{q} EPS well above consensus; cites {t}",
        "Strong {t} lift {n} results past Wall Street views",
        "{n} swings to surprise quarterly profit",
    ),
    "guidance": (
        "{n} raises full-year outlook on {t}",
        "{n} lifts annual profit forecast by {p}%",
        "{n} sees full-year revenue far above estimates, cites {t}",
        "{n} boosts guidance, says demand tied to {t} accelerating",
        "{n} hikes 2025 sales forecast to {m}",
    ),
    "merger": (
        "{n} to be bought by {o} for {m} in cash",
        "{o} offers to acquire {n} at {p}% premium",
        "{n} receives unsolicited takeover bid worth {m}",
        "{n} in talks to sell itself to {o} - sources",
    ),
    "drug": (
        "FDA approves {n} treatment ahead of schedule",
        "{n} late-stage trial meets main goal",
        "{n} wins FDA breakthrough status in {t}",
    ),
    "contract": (
        "{n} wins {m} contract tied to {t}",
        "{n} awarded multiyear {m} order from {o}",
        "{n} signs landmark {m} supply deal for {t}",
        "{n} lands {c} government contract worth {m}",
    ),
    "legal": (
        "Court throws out {m} verdict against {n}",
        "Regulators clear {n} in {t} probe",
        "{n} wins patent case over {t}, awarded {m}",
    ),
    "analyst": (
        "{n} upgraded to strong buy, price target raised {p}% on {t}",
        "Analysts turn bullish on {n}: double upgrade to buy as {t} rebound",
    ),
}
BAD: dict[str, tuple[str, ...]] = {
    "earnings": (
        "{n} Q{q} profit plunges {p}%, misses estimates on weak {t}",
        "{n} misses quarterly expectations as {t} disappoint",
        "{n} posts surprise quarterly loss, revenue falls {p}%",
        "{n} earnings slump; blames {t}",
        "Weak {t} drag {n} results below Wall Street views",
    ),
    "guidance": (
        "{n} cuts full-year outlook on {t}",
        "{n} issues profit warning, blames {t}",
        "{n} slashes annual forecast by {p}%",
        "{n} withdraws guidance, warns on {t}",
        "{n} sees full-year profit far below estimates",
    ),
    "legal": (
        "{n} sued by SEC for fraud over {t}",
        "Justice Department opens criminal probe of {n}",
        "{n} hit with {m} verdict in {t} case",
        "{n} faces antitrust lawsuit over {t}",
        "Regulators ban {n} product in {c}, cite safety",
    ),
    "outage": (
        "{n} hit by ransomware attack, operations halted",
        "Explosion shuts {n} plant in {c}",
        "{n} recalls products linked to {t} after injuries",
        "{n} discloses massive data breach",
    ),
    "drug": (
        "FDA rejects {n} application",
        "{n} late-stage trial fails, study halted",
        "{n} halts {t} study after deaths",
    ),
    "management": (
        "{n} CEO resigns abruptly amid accounting review",
        "{n} ousts chief executive, finance chief quits",
    ),
    "capital": (
        "{n} prices {m} dilutive share offering at {p}% discount",
        "{n} suspends dividend to preserve cash as {t} worsen",
    ),
    "bankruptcy": (
        "{n} raises going concern doubt, hires restructuring advisers",
        "{n} weighs chapter 11 as {t} debts mount - sources",
    ),
    "analyst": (
        "{n} double downgraded to sell, price target slashed {p}% on {t}",
        "Short seller accuses {n} of fraud in {t} business",
    ),
}
# Those that only companies of one sector would have.
ONLY_IN = {"drug": "Health Care"}

EVERYDAY: tuple[str, ...] = (
    "{n} to present at {c} investor conference",
    "{n} to host conference call on Q{q} results",
    "{n} declares regular quarterly dividend",
    "{n} names new head of {t}",
    "{n} appoints regional director for {c}",
    "{n} publishes annual sustainability report",
    "{n} expands {t} team in {c}",
    "{n} opens office in {c}",
    "{n} and {o} extend partnership on {t}",
    "{n} executive speaks on {t} at {c} forum",
    "{n} takes part in {t} industry study",
    "{n} sponsors {c} marathon",
    "{n} sets date of annual meeting",
    "{n} unveils refreshed {t} website",
    "{n}: what to expect from {t} this year",
    "A look at {n} and {t}",
    "{n} keeps {t} plans unchanged, executive says",
    "{n} joins {t} working group",
    "{n} files routine shelf registration",
    "How {n} thinks about {t}",
    "{n} among names with exposure to {t}, note says",
    "{n} reaffirms commitment to {t}",
    "{n} renews {c} lease",
    "{n} stock little changed in quiet trading",
)
TOGETHER: tuple[str, ...] = (
    "{n} and {b} agree {m} joint venture in {t}",
    "{n}, {b} sign landmark {t} supply deal worth {m}",
    "{n} to buy {t} unit from {b} for {m}",
    "{b} awards {n} record {m} {t} order",
)
APART: tuple[str, ...] = (
    "{n} and {b} sued over {t}; {m} in damages sought",
    "Regulators fine {n} and {b} {m} over {t}",
    "{n}, {b} scrap {t} venture after safety probe, take {m} charge",
    "{n} and {b} hit by outage at shared {t} plant",
)
MARKET_UP: tuple[str, ...] = (
    "Stocks rally as inflation cools more than expected",
    "Wall Street surges after Fed hints at rate cuts",
    "Futures jump on tariff truce",
)
MARKET_DOWN: tuple[str, ...] = (
    "Stocks tumble after hot CPI print",
    "Wall Street slides as Fed signals higher rates",
    "Selloff deepens on tariff threat; S&P 500 sinks",
)
MARKET_EVERYDAY: tuple[str, ...] = (
    "Wall Street little changed ahead of Fed minutes",
    "Treasury yields steady as traders await payrolls",
    "Oil prices mixed after inventory data",
    "Jobless claims in line with forecasts",
    "Dollar edges higher in thin trade",
    "Stocks to watch this week",
    "Gold slips as risk appetite returns",
    "Economy grows at modest pace, survey shows",
)
HALTED: tuple[str, ...] = (
    "{n} shares halted, news pending",
    "Trading in {n} halted on volatility",
)
ECHOES: tuple[str, ...] = ("UPDATE 1-{h}", "{h} - report", "BRIEF-{h}", "{h} (repeats)")

PLACES = (
    "Boston", "Denver", "Singapore", "Dublin", "Houston", "Milan", "Seoul", "Toronto", "Lisbon",
    "Nashville", "Osaka", "Warsaw",
)  # fmt: skip
PRIVATE = (
    "Kestrel Partners", "Lodestar Group", "Bluefin Equity", "Northgate Consortium",
    "Sagamore Trust", "Ironwood Family Office", "Tessellate", "Marigold Ventures",
)  # fmt: skip
WIRES = ("Reuters", "Dow Jones", "Bloomberg", "Business Wire", "PR Newswire")
PRESS = ("CNBC", "MarketWatch", "Benzinga", "Barron's")
BLOGS = ("Zacks", "Seeking Alpha", "Motley Fool", "Simply Wall St", "Insider Monkey")
