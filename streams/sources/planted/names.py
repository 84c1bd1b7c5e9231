"""Companies that do not exist: their names, tickers, trades and what is written about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Industry(NamedTuple):
    """An industry: its name, words in its companies' names, and what its news speaks of."""

    name: str
    trades: tuple[str, ...]
    topics: tuple[str, ...]


# By sector in the order of the simulated market's table of sectors.
INDUSTRIES: tuple[tuple[Industry, Industry, Industry], ...] = (
    (
        Industry("Telecom Services", ("Communications", "Networks"),
                 ("5G spectrum", "fiber broadband", "roaming fees")),
        Industry("Interactive Media", ("Interactive", "Digital Media"),
                 ("online advertising", "short video", "app store fees")),
        Industry("Entertainment", ("Studios", "Entertainment"),
                 ("streaming subscribers", "box office", "sports rights")),
    ),
    (
        Industry("Specialty Retail", ("Stores", "Retail"),
                 ("holiday shopping", "store traffic", "markdowns")),
        Industry("Auto Parts & Vehicles", ("Motors", "Automotive"),
                 ("electric vehicles", "vehicle inventories", "driver assistance")),
        Industry("Restaurants & Leisure", ("Restaurants", "Resorts"),
                 ("menu prices", "hotel bookings", "loyalty programs")),
    ),
    (
        Industry("Packaged Foods", ("Foods", "Brands"),
                 ("snack volumes", "cocoa costs", "private label")),
        Industry("Beverages", ("Beverage", "Brewing"),
                 ("energy drinks", "aluminum cans", "craft beer")),
        Industry("Household Products", ("Products", "Cosmetics"),
                 ("detergent prices", "skin care", "paper costs")),
    ),
    (
        Industry("Oil & Gas Exploration", ("Petroleum", "Resources"),
                 ("shale output", "Permian drilling", "well costs")),
        Industry("Oilfield Services", ("Energy Services", "Drilling"),
                 ("rig counts", "offshore rigs", "fracking crews")),
        Industry("Pipelines", ("Midstream", "Pipeline"),
                 ("LNG exports", "pipeline tariffs", "gas storage")),
    ),
    (
        Industry("Regional Banks", ("Bancorp", "Bancshares"),
                 ("commercial real estate loans", "deposit costs", "net interest margins")),
        Industry("Insurance", ("Insurance", "Assurance"),
                 ("hurricane losses", "premium rates", "reinsurance")),
        Industry("Asset Management", ("Capital", "Investments"),
                 ("fund inflows", "private credit", "performance fees")),
    ),
    (
        Industry("Biotechnology", ("Therapeutics", "Biosciences"),
                 ("gene therapy", "obesity drugs", "oncology pipeline")),
        Industry("Medical Devices", ("Medical", "Surgical"),
                 ("heart valves", "surgical robots", "glucose monitors")),
        Industry("Managed Care", ("Health", "Healthcare"),
                 ("medical costs", "Medicare Advantage", "pharmacy benefits")),
    ),
    (
        Industry("Aerospace & Defense", ("Aerospace", "Aviation"),
                 ("jet engines", "missile orders", "cabin retrofits")),
        Industry("Trucking & Rail", ("Logistics", "Freight"),
                 ("freight rates", "driver shortages", "intermodal volumes")),
        Industry("Machinery", ("Machines", "Industries"),
                 ("farm equipment", "factory automation", "excavators")),
    ),
    (
        Industry("Semiconductors", ("Semiconductor", "Devices"),
                 ("memory chips", "AI accelerators", "wafer capacity")),
        Industry("Application Software", ("Software", "Systems"),
                 ("cloud subscriptions", "payroll software", "AI assistants")),
        Industry("Cybersecurity", ("Networks", "Technologies"),
                 ("firewalls", "identity security", "zero trust")),
    ),
    (
        Industry("Steel & Metals", ("Steel", "Metals"),
                 ("scrap prices", "rebar demand", "import quotas")),
        Industry("Chemicals", ("Chemical", "Materials"),
                 ("ethylene margins", "titanium dioxide", "fertilizer prices")),
        Industry("Gold Mining", ("Mining", "Minerals"),
                 ("bullion output", "ore grades", "mine permits")),
    ),
    (
        Industry("Office & Industrial REITs", ("Properties", "Realty"),
                 ("warehouse rents", "office vacancies", "lease spreads")),
        Industry("Residential REITs", ("Residential", "Homes"),
                 ("apartment rents", "occupancy", "sunbelt supply")),
        Industry("Specialty REITs", ("Storage", "Towers"),
                 ("data center leases", "self storage", "cell towers")),
    ),
    (
        Industry("Electric Utilities", ("Power", "Electric"),
                 ("rate cases", "wildfire risk", "grid upgrades")),
        Industry("Gas Utilities", ("Gas", "Utilities"),
                 ("heating demand", "gas mains", "rate base")),
        Industry("Renewables", ("Renewables", "Solar Power"),
                 ("solar credits", "wind farms", "battery storage")),
    ),
)  # fmt: skip

# What ties companies of different sectors together; it shows in what is written about them.
THEMES: tuple[str, ...] = (
    "lithium batteries", "weight-loss drugs", "hydrogen fuel", "drone delivery", "data centers",
    "rare earths", "uranium supply", "satellite internet", "housing starts", "carbon capture",
    "quantum computing", "copper wiring", "water scarcity", "Arctic shipping",
)  # fmt: skip

_HEADS = (
    "Hal", "Cor", "Mar", "Bel", "Nor", "Tor", "Ves", "Quin", "Dra", "Lun", "Ash", "Bren", "Cal",
    "Del", "Els", "Fen", "Gal", "Har", "Ing", "Jor", "Kel", "Lor", "Mer", "Ner", "Oster", "Pel",
    "Ros", "Sel", "Tam", "Ulv", "Val", "Wes", "Yor", "Zan", "Bri", "Cas", "Dun", "Eber", "Far",
    "Gren", "Hol", "Iver", "Jas", "Kor", "Lin", "Mon", "Nev", "Orr", "Pry", "Rad", "Sor", "Thal",
    "Umber", "Vor", "Wyn", "Zeph", "Alb", "Cran", "Dor", "Eck",
)  # fmt: skip
_TAILS = (
    "vane", "brook", "mont", "wick", "ridge", "tera", "lyn", "dale", "stead", "ford", "ora", "vix",
    "nex", "gate", "well", "ster", "worth", "field", "via", "tek", "mere", "quist", "dahl",
    "holm", "borne", "stone", "haven", "cross", "ling", "mark", "don", "bury", "trix", "sona",
    "pax", "lore", "wyck", "thorn", "beck", "strand",
)  # fmt: skip
_FORMS = ("Inc", "Corp", "Corporation", "Co", "Ltd", "Holdings Inc", "Group Inc", "plc", "")
MOST_COMPANIES = len(_HEADS) * len(_TAILS)


@dataclass(frozen=True, slots=True)
class Company:
    """How a company is called: as registered, in full, in short; perhaps by a brand."""

    symbol: str
    registered: str
    full: str
    short: str
    brand: str | None


def draw_companies(rng: np.random.Generator, industries: list[Industry]) -> list[Company]:
    """One company for each of these industries, in their order; no two share a name or ticker."""
    roots = rng.permutation(MOST_COMPANIES).tolist()
    brands = iter(roots[len(industries) :])
    taken: set[str] = set()
    companies = []
    for industry, root in zip(industries, roots, strict=False):
        short = _word(root)
        trade = industry.trades[int(rng.integers(len(industry.trades)))]
        form = _FORMS[int(rng.integers(len(_FORMS)))]
        full = f"{short} {trade}"
        brand = next(brands, None) if rng.random() < 0.1 else None
        symbol = _ticker(rng, short, trade, taken)
        registered = f"{full} {form}".strip()
        companies.append(
            Company(symbol, registered, full, short, None if brand is None else _word(brand))
        )
    return companies


def _word(root: int) -> str:
    return _HEADS[root // len(_TAILS)] + _TAILS[root % len(_TAILS)]


def _ticker(rng: np.random.Generator, short: str, trade: str, taken: set[str]) -> str:
    letters = short.upper()
    shapes = [
        letters[:3] + trade[0],
        letters[0] + letters[2:4] + trade[0],
        letters[:2] + letters[-2:],
    ]
    if rng.random() < 0.5:
        shapes.insert(0, letters[:3])
    for shape in shapes:
        if shape not in taken:
            taken.add(shape)
            return shape
    while True:
        shape = letters[0] + "".join(chr(65 + int(k)) for k in rng.integers(26, size=3))
        if shape not in taken:
            taken.add(shape)
            return shape
