"""What headlines speak of and what is done to it, by lemma, with how much it weighs.

A headline tells of an event if something is done (a predicate) to something that matters (an
object). Weights are log-odds that such news is material, beside theme and source; 1 makes an event.
What the two say together is in ``EFFECT``: to win an exemption is good, to lose one is bad, to end
a probe is good.
"""

from __future__ import annotations

from agents.news.words import words_of

# kind -> weight -> lemmas
_OBJECTS: dict[str, dict[float, str]] = {
    # Good to have, bad to lose.
    "GOODS": {
        1.7: """approval clearance authorization nod exemption waiver reprieve bailout pardon
            amnesty dispensation acquittal exoneration vindication ratification lifeline victory
            reimbursement rescue subsidy breakthrough endpoint greenlight goahead allclear""",
        1.3: """contract patent permit license concession certificate designation eligibility
            rebate refund reinstatement truce mandate endorsement grant exclusivity certification
            buyback repurchase""",
        1.0: """customer client deal pact accord backing backer access supplier tender franchise
            incentive trial study enrollment enrolment listing right distributor tenant slot
            route foothold immunity blessing monopoly compliance credit accreditation windfall
            jackpot momentum""",
        0.5: """agreement partner program project support mission loan partnership alliance
            business award operation plan""",
    },
    # Bad to have, good to be rid of.
    "HARM": {
        2.0: """bankruptcy insolvency insolvent bankrupt default fraud restatement restate
            indictment indict delist delisting scandal liquidation receivership bribery bribe
            graft defraud coup embezzle launder embezzlement ransomware arrest jail conviction
            ponzi corruption""",
        1.7: """ban subpoena raid crackdown sanction embargo injunction irregularity misconduct
            writedown expropriation nationalization debarment disqualification decertify tamper
            coverup salmonella listeria coli blockade meltdown writeoff impairment cyberattack
            hack hacker explosion explode blast downgrade setback disaster blow defeat moratorium
            antidumping overcharge overstate overstatement blacklist boycott contamination
            nationalize expropriate guilty cheat rig falsify fake forge catastrophe catastrophic
            fatality manslaughter felony criminal sabotage""",
        1.4: """probe investigation inquiry investigate curb restriction restrict tariff levy
            fine penalty penalize recall outage breach crash spill walkout stoppage allegation
            allege accuse accusation whistleblower dilution dilutive warning shutdown closure
            impound quota clampdown infringe violation scrutiny weakness infringement suspension
            misuse profiteering disrupt collapse counterfeit evacuate malware mislead misstate
            conceal pollute poison toxic unsafe hazard malfunction failure downtime ultimatum
            seizure shortfall overbilling kickback blaze inferno wildfire mishap collision
            rupture blackout derailing theft heist intrusion vulnerability riot mutiny revolt
            rebellion lockout quarantine lockdown eviction foreclosure repossession censure
            reprimand rebuke delinquency clawback haircut markdown sinking capsize infection
            casualty hurricane earthquake typhoon tornado drought pandemic outbreak""",
        1.1: """shortage glut delay disruption defect defective flaw layoff lawsuit suit
            resignation accident derail derailment death kill injury leak flood cancellation
            termination sue surcharge duty tax strike complaint litigation verdict damage
            departure exodus defection mismanagement overrun cap ceiling limit requirement lapse
            snag hitch objection object crisis turmoil slowdown downturn recession clash feud
            standoff impasse deadlock stalemate conflict stranded strand trap idle furlough
            redundancy bottleneck oversupply overcapacity""",
        0.6: """fault backlash challenge claim charge fire concern dispute row headwind
            uncertainty criticism protest glitch opposition fear doubt trouble woe problem risk
            worry jitter hurdle obstacle error mistake outflow strain scare rule regulation
            unrest threat""",
    },
    # A matter to be fought over: good to win, bad to lose, good to be rid of.
    "DISPUTE": {1.3: "case appeal arbitration court ruling battle fight antitrust"},
    # A figure that should be high.
    "MEASURE": {
        1.6: "guidance outlook forecast projection",
        1.2: "dividend payout view backlog distribution",
        1.0: "order funding aid",
        0.8: "rating reserve",
        0.5: """profit earnings income revenue sales eps margin booking delivery subscriber
            demand output growth quarter result traffic user profitability ebitda cashflow
            membership shipment volume production target expectation goal sentiment confidence
            occupancy yield viewer passenger shopper member deposit advertiser patient audience
            valuation""",
        0.0: "share stock price",
    },
    # A figure that should be low.
    "COST": {0.8: "royalty", 0.6: "loss cost expense debt churn inventory deficit burn"},
    # An offer for the company or for a part of it.
    "BID": {
        1.7: "takeover tieup buyout suitor bidder spinoff demerger breakup",
        1.2: "bid offer merger acquisition approach proposal stake holding sale",
    },
}

# predicate class -> weight -> lemmas
_PREDICATES: dict[str, dict[float, str]] = {
    "GAIN": {
        0.4: """win secure land clinch bag nab pocket recoup reclaim collar grab hook cinch
            procure capture regain reinstate restore snare scoop reap""",
        0.2: """gain receive obtain get sign ink seal attract draw field garner achieve accept
            retain reach meet earn score resume succeed""",
    },
    "LOSE": {0.7: "lose forfeit strip forgo miss lapse expire squander surrender cede"},
    # Before another predicate it turns it; before a thing it loses it.
    "FAIL": {0.7: "fail refuse decline unable struggle balk"},
    "GRANT": {
        0.5: """approve grant certify validate vindicate exonerate acquit absolve unblock
            unfreeze legalize deregulate endorse authorize okay exempt ratify greenlight
            fasttrack bless subsidize spare permit license""",
        0.3: "back recommend favor allow support uphold award pick select choose tap hand",
    },
    "STOP": {
        0.6: """reject deny block thwart foil scupper torpedo stymie impede obstruct expel evict
            repeal nullify rescind undo renege repudiate jettison discard disband retract veto
            revoke cancel terminate scrap axe annul invalidate quash nix spurn rebuff unravel
            withdraw suspend halt void oppose dismiss overturn overrule toss abandon ditch bar
            seize confiscate unwind outlaw forbid prohibit dissolve sever mothball shutter yank""",
        0.3: """end shelve freeze stop pause pull remove waive settle resolve avoid avert dodge
            escape close quit shut disrupt derail postpone delay defer stall challenge contest
            discontinue exit offload""",
    },
    # Of restrictions as of figures: up and away.
    "LIFT": {0.4: "lift relax loosen clear"},
    "RAISE": {
        0.9: """double triple quadruple soar surge skyrocket hike smash crush balloon jump
            accelerate trounce mushroom snowball leap zoom outstrip outdo""",
        0.4: """raise boost bolster spur buoy revive increase beat strong robust upbeat solid
            bumper brisk healthy stellar exceed surpass rise climb grow expand widen improve
            rally rebound recover strengthen outpace mount up higher swell rocket upgrade deepen
            buoyant resilient""",
        -0.4: "firm steady",
    },
    "CUT": {
        0.9: """slash plunge plummet tumble slump nosedive crumble crater implode halve sink omit
            eliminate evaporate dry tank wipe bleed hemorrhage undershoot""",
        0.4: """cut lower trim prune chop curtail downsize wilt stagnate sputter recede flounder
            sag reduce pare dampen depress sour fade tighten narrow shrink fall slide lag trail
            weaken ease soften slow disappoint deteriorate worsen down weak soft sluggish poor
            downbeat gloomy dismal dim bleak subdued tepid lacklustre lackluster anaemic anemic
            flag falter wane dwindle drop underwhelm shed""",
        -0.4: "slip dip inch edge nudge tick cool",
    },
    # Whatever does this, and to what, is bad.
    "HURT": {
        0.4: """hurt hit dent hobble hammer sting pinch swamp overwhelm engulf burden saddle
            undermine jeopardize imperil endanger dog beset roil jolt spook unnerve crimp erode
            sap bite squeeze pressure cloud threaten weigh cripple hamper plague batter rattle""",
    },
}

# What a predicate does with an object of each kind: +1 good, -1 bad for whom it is about.
EFFECT: dict[str, dict[str, int]] = {
    "GAIN": {"GOODS": 1, "HARM": -1, "DISPUTE": 1, "MEASURE": 1, "COST": -1, "BID": 1},
    "LOSE": {"GOODS": -1, "HARM": -1, "DISPUTE": -1, "MEASURE": -1, "COST": 1, "BID": -1},
    "GRANT": {"GOODS": 1, "HARM": -1, "DISPUTE": -1, "MEASURE": 1, "BID": 1},
    "STOP": {"GOODS": -1, "HARM": 1, "DISPUTE": 1, "MEASURE": -1, "COST": 1, "BID": -1},
    "FAIL": {"GOODS": -1, "HARM": -1, "DISPUTE": -1, "MEASURE": -1, "BID": -1},
    "LIFT": {"GOODS": 1, "HARM": 1, "DISPUTE": 1, "MEASURE": 1, "COST": -1, "BID": 1},
    "RAISE": {"HARM": -1, "DISPUTE": -1, "MEASURE": 1, "COST": -1, "BID": 1},
    "CUT": {"GOODS": -1, "HARM": 1, "DISPUTE": 1, "MEASURE": -1, "COST": 1, "BID": -1},
    "HURT": {"GOODS": -1, "HARM": -1, "DISPUTE": -1, "MEASURE": -1, "COST": -1, "BID": -1},
}
# Whether a predicate is good or bad, for one that turns it (``fails to win``).
TONE = {"GAIN": 1, "GRANT": 1, "RAISE": 1, "LIFT": 1, "LOSE": -1, "STOP": -1, "CUT": -1, "HURT": -1}
# What a predicate says by itself, without an object.
STANDING_STOP = 0.6
# What an object says by itself, without a predicate: its sign, and what is taken off its weight.
STANDING = {"HARM": (-1, 0.6), "BID": (1, 0.7), "GOODS": (1, 1.0)}

# An authority makes what it does weigh more, and so do $100 million.
AUTHORITY_WEIGHT = 0.5
LARGE_WEIGHT = 0.3
# Who acts, and what phrases name.
GROUPS: dict[str, frozenset[str]] = {
    "AUTHORITY": words_of(
        """regulator watchdog government fda ema sec doj ftc cftc faa nhtsa epa fcc eu commission
        ministry minister congress senate lawmaker senator parliament president washington beijing
        brussels pentagon army navy treasury prosecutor judge court jury tribunal agency authority
        police china us uk britain germany france japan india russia whitehouse
        state supreme attorney federal governor administration panel nasa medicare mayor kremlin
        tokyo london berlin delhi fed"""
    ),
    "CHIEF": words_of(
        """chief founder chairman chairwoman chair auditor boss cofounder president"""
    ),
    "POST": words_of(
        """director head president vp svp evp counsel board officer manager member
        trustee executive"""
    ),
    "INVESTOR": words_of(
        """investor activist billionaire raider fund shareholder tycoon financier buffett icahn
        ackman elliott peltz starboard berkshire loeb magnate"""
    ),
    "ACTIVIST": words_of(
        "activist billionaire tycoon magnate buffett icahn ackman elliott peltz starboard loeb"
    ),
    "GIANT": words_of(
        "apple amazon google microsoft nvidia meta tesla walmart openai samsung boeing airbus"
    ),
    "RIVAL": words_of("rival competitor upstart challenger newcomer"),
    "BANKER": words_of("banker adviser advisor bank lazard"),
    "WEIGH": words_of(
        """weigh mull consider explore eye seek study examine evaluate plan propose threaten ponder
        pursue urge push demand want call near prepare discuss float ready"""
    ),
    "UNITS": words_of("""unit vehicle car truck van bike device phone toy battery bottle
        job user"""),
    "VIEW": words_of(
        "estimate expectation forecast view consensus street prediction projection target"
    ),
    "STAKE": words_of("stake holding position interest"),
    "JOBS": words_of("job worker staff employee workforce position headcount"),
    "MAJOR": words_of(
        "record major large big huge massive landmark biggest largest exclusive sole key"
    ),
    "EXPECTED": words_of(
        "forecast anticipate expect analyst estimate fear think predict hope consensus"
    ),
    "AIM": words_of("target goal forecast estimate aim range plan"),
    "RIVALRY": words_of("enter launch undercut unveil"),
}

# What makes little or much of an event; a general word of size counts with an event alone.
DOWNTONER_WEIGHT = 1.2
DOWNTONERS = words_of(
    """minor small slight modest token precaution precautionary isolated routine technical
    immaterial trivial brief cosmetic nominal symbolic scheduled previously old trademark
    negligible unaffected local ordinary customary tiny voluntary temporary regional municipal
    procedural clerical administrative housekeeping nonbinding unrelated dormant usual standard
    village seasonal nuisance frivolous phishing scam parking"""
)
INTENSIFIER_WEIGHT = 0.6
INTENSIFIERS = words_of(
    """surprise unexpected abrupt sudden shock cripple stun sweeping record big large major
    massive huge landmark exclusive sole emergency sharp deep steep unprecedented nationwide
    blockbuster biggest largest worst best weakest strongest hefty pivotal severe critical
    unanimous overwhelming historic flagship main bestselling hostile entire overhaul shocker
    fatal deadly unsolicited crucial"""
)
NEGATIONS = words_of(
    """no not never without won't isn't doesn't don't didn't cannot can't unlikely nor wasn't
    aren't"""
)
# Where one thing that is told ends and another begins.
BOUNDARIES = words_of(
    """; : -- ? ! , as after despite while amid but although because when if following though"""
)


def _by_lemma(table: dict[str, dict[float, str]]) -> dict[str, tuple[str, float]]:
    return {
        lemma: (kind, weight)
        for kind, rows in table.items()
        for weight, lemmas in rows.items()
        for lemma in lemmas.split()
    }


# Lemma -> kind and weight. A lemma may be both (``halt``, ``cut``).
OBJECTS = _by_lemma(_OBJECTS)
PREDICATES = _by_lemma(_PREDICATES)
