"""What words tell about a name: common ones, places, persons, what stands beside a company."""

from __future__ import annotations

from functools import cache
from pathlib import Path


def words_of(text: str) -> frozenset[str]:
    """The words of a table written as running text."""
    return frozenset(text.split())


@cache
def common_words() -> frozenset[str]:
    """Words that headlines write in lower case (``target``, ``visa``, ``gap``, ``key``)."""
    lines = Path(__file__).with_name("common_words.txt").read_text("utf-8").splitlines()
    return words_of(" ".join(line for line in lines if not line.startswith("#")))


# The form of a company, its ``The``, and what a listing adds: never part of how it is called.
EXCHANGES = words_of("nyse nasdaq amex american lse tsx otc arca")
LEGAL_FORMS = words_of(
    "inc incorporated corp corporation co company companies cos ltd limited plc llc lp lllp nv sa "
    "ag se ab asa spa oyj as kk bv sab cv de holding holdings group grp trust reit new the "
    "& adr ads intl svcgp serv sponsored us a b"
)
SHARE_CLASS = (
    "common stock|common share|class a|class b|class c|american depositary|american depository|"
    "depositary|ordinary share|subordinate voting|sponsored|ny registry|ads|adr|preferred|"
    "reit|each represent|unit"
)

# Trailing words that say what a company does; headlines leave them out.
TRADES = words_of(
    """communications international technologies technology systems energy pharmaceuticals pharma
    pharmaceutical therapeutics motor motors financial industries platforms laboratories labs
    resources brands stores foods properties realty solutions services networks sciences
    entertainment worldwide global healthcare health semiconductor semiconductors electronics
    airlines oil gas petroleum mining minerals materials chemical chemicals products
    restaurants insurance bancorp bancshares bank banks software devices instruments
    interactive media athletica biosciences biopharma surgical medical motorcycles aerospace
    automotive athletics wholesale supply equipment engineering steel paper power electric
    utilities water capital partners management investment investments realestate hotels
    resorts cruises digital data petrochemical storage markets interactive network discovery
    enterprises enterprise computing robotics aviation machines payments beauty factory retail
    cosmetics logistics freight railroad education transport transportation construction
    bottling beverage beverages brewing tobacco"""
)

# First words of many names, places and given names: alone they do not name a company.
TOO_GENERAL = words_of(
    """american america united national general first second third fifth southern western
    northern eastern north south east west pacific atlantic continental international global
    universal standard central great grand golden silver royal imperial federal public texas
    boston kansas york jersey california florida virginia carolina georgia ohio michigan
    illinois indiana kentucky tennessee alabama arizona nevada utah oregon washington colorado
    minnesota wisconsin missouri oklahoma louisiana arkansas mississippi connecticut
    massachusetts maryland delaware pennsylvania pittsburgh philadelphia chicago detroit
    cleveland cincinnati houston dallas denver phoenix seattle portland chesapeake hudson
    hawaii alaska alaskan montana nebraska dakota idaho vegas reno london paris tokyo berlin
    sydney toronto vancouver montreal hong kong china chinese india indian japan japanese
    korea korean canada canadian mexico mexican brazil brazilian russia russian britain
    british england english scotland scottish ireland irish france french germany german italy
    italian spain spanish europe european africa african asia asian australia australian
    israel israeli swiss dutch swedish norwegian danish finnish turkish deutsche banco credit
    bristol lincoln madison jefferson franklin hamilton monroe alexandria cambridge oxford
    regency palo alto las los san santa saint st new old inter trans micro bio metro euro tele
    info uni advanced applied allied associated consolidated integrated intl ocean island
    mid-america host edison charter essex dominion everest tapestry pinnacle summit liberty
    sterling cardinal hartford norfolk camden huntington fidelity walt lamb archer harmony
    cadence zebra tractor warner avery kinder vulcan mosaic affirm align lucid coke otis
    mohawk"""
)
GIVEN_NAMES = words_of(
    """adam alan albert alex alexander alice allen amy andrea andrew angela ann anna anne anthony
    arthur barbara ben benjamin betty bill bob brad brandon brian bruce carl carol caroline
    catherine charles charlie chris christian christina christine christopher craig dan daniel
    david deborah dennis diana diane don donald dorothy doug douglas ed edward eli elizabeth
    emily emma eric erica evan frank fred gary george gerald gerry glenn greg gregory hannah
    harrison harold harry heather helen henry howard ian jack jackson jacob jacobs james jamie
    jane janet jason jay jeff jeffrey jennifer jeremy jerry jessica jim joan joe joel john
    johnny johnson jonathan jordan jose joseph joshua juan judith julia julie justin karen
    kate katherine keith kelly ken kenneth kevin kim kimberly kyle larry laura lauren lee leo
    leon lewis linda lisa louis lucas luke marc marco maria marie mark marsh martha martin
    mary matt matthew max megan melissa michael michelle mike morgan nancy nathan neil
    nicholas nick nicole noah oliver oscar pat patricia patrick paul peter phil philip phillip
    phillips rachel ralph ray raymond rebecca richard rick rob robert roger ron ronald rose
    ross roy russell ruth ryan sam samantha samuel sandra sara sarah scott sean sharon simon
    smith sophia stanley stephanie stephen steve steven stewart stuart susan ted teresa terry
    thomas tim timothy todd tom tony tyler victor victoria vincent virginia walter warren
    wayne wells wendy will william williams willis zach adams anderson baker ball brown
    campbell carter clark cohen collins cooper davis evans fisher foster gallagher garcia
    graham gray green griffin hall harris hill hughes hunt kelley kennedy long marshall mason
    miller mitchell moore murphy murray myers parker perry peterson powell price reed reynolds
    rivera roberts robinson rockwell rogers sanders shaw sherman snyder sullivan taylor
    thompson turner wagner wallace ward watson weaver webb webster west white wilson wood
    wright young"""
)

# Beside a name that is also a word, these tell that a company is meant.
COMPANY_AFTER = words_of(
    """inc corp corporation co company ltd plc group holdings shares share stock stocks ceo cfo
    coo cto chairman chairwoman executive executives president board investors shareholders
    shareholder investor earnings profit profits revenue revenues sales quarterly qtrly
    quarter q1 q2 q3 q4 fy results guidance dividend buyback bonds ipo says said reports
    announces posts beats misses tops raises lowers names appoints hires fires acquires buys
    sells agrees declares launches unveils introduces expects sees forecasts warns recalls
    sues settles ceos files wins completes cos prices expands partners signs reaffirms affirms
    upgraded downgraded initiated outperforms underperforms surges soars slumps tumbles
    plunges jumps climbs slides rallies gains spokesman spokeswoman unit subsidiary employees
    workers chief valuation analyst analysts"""
)
COMPANY_BEFORE = words_of(
    """shares stock retailer giant chipmaker bank insurer automaker carmaker airline drugmaker
    biotech maker company companies firm operator owner rival rivals vs versus ceo cfo unit
    acquires acquire buys upgrades downgrades initiates sues"""
)

# After one of these a lone word is a person, a place or another body, not a company.
PERSON_BEFORE = words_of(
    "mr mrs ms dr sir sen senator rep gov governor president judge justice mayor minister lord "
    "lady prince princess coach actor actress singer mount mt lake fort port river st "
    "saint manchester "
    "mekong niger nile"
)
OTHER_BODY_AFTER = words_of(
    """university college county bay river rainforest jungle forest basin island islands school
    church cathedral beach delta valley lake mountain mountains street avenue road hospital
    minister museum airport stadium cup marathon variant pie waiver composite jones city town
    township kgaa"""
)

# Names of markets and indices before they are names of the firms that run them.
MARKET_NAMES = words_of("msci nasdaq dow s&p nyse stoxx")

# Upper-case words that are tickers somewhere and something else in most headlines.
ACRONYMS = words_of(
    """A ADS AI AM AMA API APP AR ARE ASP ATM AUTO B BAD BBC BIG BIO BIT BOT C CA CAN CAR CARE
    CASH CAT CEO CFO CIA CMS CO COO COP CPI CT CTO CUT D DC DD DE DNA DOE DOJ DUI E EA EAT ECB
    ECO ED EDU EM EPA EPS ER ESG ET ETF EU EV EVS EYE F FAA FAQ FAST FBI FCC FDA FED FIT FOR
    FTC FUN FX FY G G7 G20 GAS GDP GO GOOD GPS GPU GROW H HAS HE HIV HK HR I ICE ID IF II III
    IMF IN INFO INT IP IPO IQ IRA IRS IS ISIS IT J JOB K KEY KIDS L LA LAB LAW LIFE LNG LOW LP
    LTD M M&A MA MAN MD ME MEN MIT MOVE MR N NASA NATO NBA NET NEW NFL NHL NICE NOV NOW NY O
    OF OK OLD ON ONE OPEC OR OUT P PAY PC PDF PEN PER PLAN PLAY PM POST PR Q R RAMP RE REAL
    RED RUN S SAFE SAVE SEC SEE SF SHIP SITE SKY SO SOS STAY SUN T TALK TEAM TECH TELL TEN THE
    TOP TREE TV TWO U UK UN UP US USA USD V VA VERY VIP VR W WAR WELL WHO WIFI WIN WWE X XXX Y
    YOU Z"""
)

# After the name of a market or index, these tell that its operator is meant.
FIRM_AFTER = words_of("inc corp omx ceo cfo global holdings chief profit earnings dividend")

# After a bare ticker, these tell that it is one.
TICKER_AFTER = words_of(
    "stock shares share stocks earnings options calls puts valuation price dividend"
)
