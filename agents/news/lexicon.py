"""What words and phrases of finance tell, in addition to a general lexicon of sentiment.

Values are valences from -4 to 4, as in VADER. The single words follow the idea of Loughran and
McDonald ("When Is a Liability Not a Liability?", Journal of Finance, 2011) that a general lexicon
misreads finance; the words themselves were collected from headlines, not taken from their lists.
"""

from __future__ import annotations

from agents.news.words import words_of

# General words that say nothing about a company: its name, its trade, a term of the market.
NEUTRAL_WORDS = words_of(
    """no share shares sharing energy value top asset assets pay security securities solutions
    solution wells best credit demand limited debt alert trust l like low lower united cancer
    care heart interest interests natural crude fire block super grand liberty free jp
    dynamics treasury treasuries entertainment party play certain number active exploration
    well backed backs clean smart justice supreme diamond original novel beauty hand gross
    fine kinder dominating intelligence advanced innovative innovation special holiday
    precious spirit legal defense defensive vision waste exclusive wealth safety gun combat
    number straight want matter matters natural unsecured secured secure reach ready hard
    magnificent charge charges charged disaster treat cover kill virtual giant gift mature
    adequate popular engagement friend friends please dear luck vice discounted discount
    leading chance gas cool true united tops misses miss beats beat cut cuts cutting loss
    losses profit profits gains gain increase increased reject"""
)

WORDS: dict[str, float] = {
    **dict.fromkeys(
        words_of("""rise rises rising rose higher climb climbs climbed gain gains gained advance
        advances up increase increases increased profitable growth rebound rebounds recover
        recovers recovery momentum expands expansion strong stronger upbeat bullish outpace
        outpaces"""), 1.3,
    ),
    **dict.fromkeys(
        words_of("""jump jumps jumped surge surges surged soar soars soared rally rallies rallied
        skyrockets upgrade upgrades upgraded outperform outperforms outperformed overweight
        beat beats tops topped exceeds exceeded exceed approval approved approves
        blockbuster windfall breakthrough pops"""), 2.2,
    ),
    **dict.fromkeys(
        words_of("""fall falls falling fell slip slips slipped dip dips dipped ease eases decline
        declines declined lower drop drops dropped decrease decreases decreased down soft
        softer weak weaker weakness retreat retreats sluggish slow slows slowing slowdown
        delay delays delayed headwinds headwind bearish cautious concern concerns downbeat
        cut cuts cutting pressure shortfall deteriorating lags lag volatile"""), -1.3,
    ),
    **dict.fromkeys(
        words_of("""plunge plunges plunged plummet plummets plummeted tumble tumbles tumbled slump
        slumps slumped sink sinks sank slide slides crash crashes collapse collapses
        collapsed downgrade downgrades downgraded underperform underperforms underperformed
        underweight miss misses missed disappoint disappoints disappointing disappointed
        writedown write-down impairment slashes slashed slash sell-off selloff rout"""), -2.2,
    ),
    **dict.fromkeys(
        words_of("""probe probes probed investigation investigates investigating subpoena subpoenaed
        lawsuit lawsuits sue sues sued suing litigation antitrust allegations alleges
        alleged accuses accused penalty penalties fined complaint violation violations
        recall recalls recalled recalling outage outages breach breached hack hacked
        cyberattack halt halts halted suspend suspends suspended suspension layoff layoffs
        resigns resigned ousted default defaults dilution dilutive delisting delisted
        shutdown strike strikes spill explosion grounded grounding rejects rejected reject
        withdraws withdrawn injunction whistleblower counterfeit tariff tariffs shortages
        shortage"""), -1.8,
    ),
    **dict.fromkeys(
        words_of("""bankruptcy bankrupt insolvency insolvent fraud fraudulent indicted indictment
        restate restates restatement misconduct embezzlement bribery ransomware liquidation
        scandal manipulation unlawful felony"""), -2.8,
    ),
    **dict.fromkeys(words_of("loss losses"), -1.6),
    **dict.fromkeys(words_of("profit profits dividend repurchase buyback buybacks"), 0.8),
}  # fmt: skip

_PROFIT = r"(?:profits?|earnings|income|revenues?|sales|eps|margins?|results|deliveries|orders|ffo)"
_LOSS = r"(?:net |quarterly |operating |annual |q[1-4] )?loss(?:es)?"
_VIEW = (
    r"(?:forecasts?|outlook|guidance|views?|estimates?|targets?|dividends?|projections?|"
    r"expectations|ratings?)"
)
_NEAR = r"(?:[\w$.,%'&-]+ ){0,5}?"
_UP = (
    r"(?:rises?|rose|up\b|jumps?|jumped|surges?|surged|soars?|soared|climbs?|climbed|gains?|grows?|"
    r"grew|doubles?|doubled|triples?|increases?|increased|improves?|tops?|beats?|higher)"
)
_DOWN = (
    r"(?:falls?|fell|down\b|drops?|dropped|slides?|slid|slips?|slipped|plunges?|plunged|tumbles?|"
    r"declines?|declined|sinks?|sank|shrinks?|halves|decreases?|decreased|misse[sd]|lower|weakens?|"
    r"slumps?|slumped|hit\b)"
)

# In order; what an earlier phrase has taken is not read again.
PHRASES: tuple[tuple[str, float], ...] = (
    (rf"(?:{_LOSS}) (?:wider|bigger|larger|deeper)(?: than)?", -2.4),
    (rf"{_PROFIT} (?:badly )?(?:disappoint\w*|falls? short)|misses on|shipments? (?:falls? short|"
     r"disappoint\w*)|growth (?:stalls?|slows?)|guides? (?:[\w-]+ ){0,2}(?:lower|below|"
     r"down)", -2.4),
    (r"guides? (?:[\w-]+ ){0,2}(?:higher|above|up)|returns? to profit|(?:first|surprise) "
     r"(?:[\w-]+ )?profit|(?:sales|growth|revenues?|orders) accelerat\w*", 2.2),
    (r"(?:worst|weakest|poorest) .*\bin\b .*(?:year|decade|quarter)s?", -2.4),
    (r"(?:best|strongest) .*\bin\b .*(?:year|decade|quarter)s?", 2.2),
    (r"(?:hits?|sets?|reach\w*) (?:a |new )?records?\b(?! low)|record (?:[\w-]+ ){0,3}(?:high|"
     r"profits?|sales|revenues?|earnings|quarter|results|deliveries|orders|bookings)", 2.2),
    (r"(?:past|ahead of|topping|beating) (?:[\w-]+ ){0,3}(?:estimates?|expectations|forecasts?|"
     r"views?|consensus)", 2.4),
    (r"(?:missing|trailing|shy of) (?:[\w-]+ ){0,3}(?:estimates?|expectations|forecasts?|views?|"
     r"consensus)", -2.4),
    (r"(?:lifts?|ends?|eases?|scraps?) (?:[\w-]+ ){0,2}(?:bans?|tariffs?|curbs?|sanctions?)|"
     r"(?:exempt\w*|spared?) (?:[\w-]+ ){0,2}tariffs?", 2.0),
    (r"(?:faces?|hit by|imposes?|slaps?|new) (?:[\w%-]+ ){0,3}(?:tariffs?|curbs?|bans?|sanctions?)|"
     r"\bbans\b", -2.0),
    (r"short[- ]sellers?|is short\b|claims? inflated|alleg\w+ (?:[\w-]+ ){0,3}fraud|breach\w* "
     r"(?:[\w-]+ )?covenants?|misses .*(?:payment|coupon)|talks with creditors", -2.4),
    (r"(?:regulators?|eu|commission|watchdog|court|government|u\.?s|ftc|doj|sec|states?) (?:to )?"
     r"fines?\b|fined\b|to pay \$[\d.,]+|(?:hit with|faces) (?:a )?(?:class action|lawsuit|probe|"
     r"fine)|wells notice|raids?\b|patents? .*invalid\w*", -2.2),
    (r"\bto junk\b|junk status|impairment|write-?(?:down|off)s?|takes? .*\bcharge\b|(?:at|"
     r"\d%) (?:a )?(?:steep )?discount", -2.2),
    (r"(?:customer|client|partner|supplier) (?:leaves|departs|walks|quits|drops)\w*|drops .* as "
     r"(?:a )?(?:supplier|customer|partner)|(?:contract|order|deal|program) (?:is |was )?"
     r"(?:cancel\w*|terminated|scrapped|axed)|walks? away", -2.2),
    (r"(?:workers|staff|crews|pilots|union) (?:walk out|go on strike|strike)|walkout|cyber\w* "
     r"(?:incident|attack|breach)|systems? offline|(?:idles?|shuts?(?: down)?|evacuates?|shutting) "
     r"(?:[\w-]+ ){0,3}(?:plants?|factor(?:y|ies)|refiner(?:y|ies)|mines?|sites?|output)|(?:fire|"
     r"blast|accident|crash) .*(?:kills?|injur\w+|shuts?|halts?)|(?:kills?|killed) \w+|"
     r"mine collapse", -2.4),
    (r"halves (?:[\w-]+ )?dividend|(?:removed|dropped) from (?:[\w&-]+ ){0,3}(?:index|s&p 500|"
     r"nasdaq)|(?:launch|delivery|project) (?:is |was )?delayed|vetoed?\b", -2.0),
    (r"(?:fires?|ousts?) (?:[\w-]+ )?(?:ceo|cfo|chief|finance chief)|(?:ceo|chief executive|"
     r"founder)"
     r" (?:dies|killed|resigns)", -1.8),
    (r"bidding war|(?:sweetens?|raises?|ups|improves?) (?:[\w-]+ ){0,2}(?:bid|offer)\b|(?:draws?|"
     r"attracts?|receives?|fields?|gets?) (?:[\w-]+ ){0,3}(?:interest|approach|bid|offer|proposal)|"
     r"premium offer|buyout (?:proposal|approach|bid|offer|interest|talks)|exploring sale|to be "
     r"bought|talks to be (?:bought|acquired)", 2.2),
    (r"(?:takes?|builds?|discloses?|reveals?|has) (?:[\w.%-]+ ){0,3}stake|double[- ]upgrad\w*|"
     r"added to (?:the )?(?:[\w&-]+ ){0,3}(?:index|s&p 500|nasdaq)", 1.8),
    (r"double[- ]downgrad\w*", -2.6),
    (r"(?:announces|authori[sz]es|approves|unveils|launches|lifts?) .*(?:buyback|repurchase)|"
     r"special "
     r"dividend|split(?:s|ting)? into|spin(?:s|ning)?[- ]off|cost cuts|turnaround", 1.8),
    (r"hit (?:\w+ )?(?:endpoint|goal)|(?:hits?|meets?) (?:[\w-]+ ){0,2}(?:endpoint|goal)|survival "
     r"benefit|regulatory (?:clearance|approval)|(?:selected|picked|chosen|tapped) (?:by|for)|"
     r"(?:picks|selects|chooses|taps) (?:[\w'.-]+ ){0,6}(?:for|as)\b|rules for\b|discover(?:s|y)|"
     r"strikes (?:oil|gold|gas)|emergency funding|(?:signs?|inks|strikes) (?:[\w-]+ ){0,3}"
     r"(?:landmark|largest|record|long-term|multi-?year)|(?:drops?|ends?) (?:its )?probe|settles .*"
     r"(?:case|suit|probe)|exclusive (?:contract|agreement|deal)", 2.0),
    (rf"(?:cuts?|narrows?|narrowed|trims?|reduces?|shrinks?|halves) {_NEAR}{_LOSS}", 2.0),
    (rf"(?:smaller|narrower|lower|less)(?:[- ]than[- ](?:expected|forecast))? {_NEAR}{_LOSS}", 2.0),
    (rf"{_LOSS} (?:narrow\w*|shrinks?|shrank|smaller|less|halves)", 2.0),
    (rf"(?:bigger|wider|larger|deeper|surprise|record|posts?|swings? to|reports?) {_NEAR}"
     rf"{_LOSS}", -2.2),
    (rf"{_LOSS} (?:widen\w*|grows?|deepens?|bigger|wider|doubles?)", -2.4),
    (r"(?:better|higher|stronger|more)[- ]than[- ](?:expected|forecast|estimated)", 2.4),
    (r"(?:worse|lower|weaker|less|smaller)[- ]than[- ](?:expected|forecast|estimated)", -2.4),
    (r"(?:beats?|tops?|exceeds?|topped|exceeded|surpass\w*|crush\w*|smash\w*) "
     rf"(?:{_NEAR})(?:estimates?|expectations?|forecasts?|views?|consensus|street|targets?)", 2.8),
    (r"(?:misse[sd]|miss|lags?|trails?|falls? short of|below|short of) "
     rf"(?:{_NEAR})(?:estimates?|expectations?|forecasts?|views?|consensus|targets?)", -2.8),
    (r"above (?:\w+ )?(?:estimates?|expectations?|forecasts?|views?|consensus)", 2.2),
    (r"profit warning|warns (?:on|of|about|that)", -2.4),
    (r"price target (?:raised|lifted|hiked|increased)|(?:raises?|lifts?|hikes?|boosts?) "
     rf"{_NEAR}(?:price target|target price|\bpt\b)", 1.6),
    (r"price target (?:cut|lowered|slashed|trimmed)|(?:cuts?|lowers?|slashes|trims?) "
     rf"{_NEAR}(?:price target|target price|\bpt\b)", -1.6),
    (rf"(?:raises?|raised|lifts?|lifted|hikes?|hiked|boosts?|ups|increases?) {_NEAR}{_VIEW}", 2.6),
    (rf"(?:cuts?|lowers?|lowered|slashes|slashed|trims?|trimmed|reduces?|withdraws?|suspends?|"
     rf"eliminates?|pulls) {_NEAR}{_VIEW}", -2.6),
    (rf"{_VIEW} (?:raised|lifted|hiked|boosted|above|beats?|tops?)", 2.4),
    (rf"{_VIEW} (?:cut|lowered|slashed|disappoints?|weak|below|trimmed)", -2.4),
    (rf"{_PROFIT} (?:\w+ )?{_UP}", 2.2),
    (rf"{_PROFIT} (?:\w+ )?{_DOWN}", -2.2),
    (rf"{_UP} (?:in |of )?(?:[\w-]+ ){{0,2}}{_PROFIT}", 2.0),
    (rf"(?:falls?|fall in|drop in|decline in|lower|weak(?:er)?|weakness in) (?:[\w-]+ "
     rf"){{0,2}}{_PROFIT}",
     -2.0),
    (r"record (?:\w+ )?(?:high|profit|sales|revenue|earnings|quarter|results|deliveries)", 2.2),
    (r"(?:all[- ]time|52[- ]week|multi-?year|new) highs?", 1.6),
    (r"(?:all[- ]time|52[- ]week|multi-?year|new|record) lows?", -1.8),
    (r"record (?:fine|penalty|settlement)", -2.4),
    (r"fails? to (?:win|beat|meet|get|reach|impress|gain)|fell short", -2.2),
    (r"(?:ends?|drops?|closes?|dismiss\w*|tosses) (?:\w+ )?(?:probe|lawsuit|suit|"
     r"investigation|case)",
     2.0),
    (r"(?:cleared|acquitted) of|no wrongdoing|wins dismissal", 1.8),
    (r"(?:wins?|secures?|gets?|receives?|lands?|nabs) (?:[\w$.-]+ ){0,4}?"
     r"(?:contracts?|orders?|approval|clearance|deal|nod)", 2.2),
    (r"(?:fda|regulators?|ema|eu|court) (?:approv\w+|clears?|backs)", 2.4),
    (r"(?:fda|regulators?|ema|eu|court) (?:reject\w*|declin\w+|blocks?|halts?|refus\w+)", -2.4),
    (r"(?:meets?|met) (?:\w+ ){0,2}(?:endpoint|goal)", 2.2),
    (r"(?:trial|study|drug|test)s? (?:fails?|failed|halted|misse[sd])|fails? (?:in )?(?:\w+ )?"
     r"(?:trial|study)", -2.8),
    (r"(?:cuts?|cutting|slash\w*|eliminat\w+|lays? off) (?:[\d,]+ |thousands of |up to )*"
     r"(?:jobs|workers|staff|employees)|job cuts", -1.2),
    (r"(?:cuts?|lowers?|reduces?) (?:\w+ )?(?:costs?|debt|expenses)", 1.2),
    (r"(?:downgrades?|downgraded|cuts?|cut|lowers?|lowered) (?:[\w&.'-]+ ){0,5}?to "
     r"(?:sell|neutral|hold|underperform|underweight|equal|market perform|reduce)", -2.4),
    (r"(?:upgrades?|upgraded|raises?|raised) (?:[\w&.'-]+ ){0,5}?to "
     r"(?:buy|strong buy|outperform|overweight)", 2.4),
    (r"(?:maintains?|reiterates?|initiat\w+|starts?|resumes?) (?:[\w&.'-]+ ){0,6}?"
     r"(?:buy|outperform|overweight)", 1.2),
    (r"(?:maintains?|reiterates?|initiat\w+|starts?|resumes?) (?:[\w&.'-]+ ){0,6}?"
     r"(?:sell|underperform|underweight)", -1.4),
    (r"(?:deal|merger|takeover|talks?|offer|bid) (?:\w+ )?(?:collapses?|fails?|falls? "
     r"through|ends?|"
     r"off\b|rejected|blocked|scrapped|terminated)", -2.2),
    (r"(?:scraps?|terminates?|abandons?|calls? off|rejects?) (?:\w+ ){0,4}?(?:deal|merger|"
     r"takeover|bid|"
     r"offer)", -2.0),
    (r"(?:receives?|gets?|draws?|fields?) (?:an |a )?(?:unsolicited|hostile) (?:[\w$.,-]+ ){0,4}"
     r"(?:proposal|offer|bid|approach)", 2.2),
    (r"(?:to be )?taken private|agrees? to be (?:acquired|bought)", 2.0),
    (r"(?:activist|billionaire) (?:\w+ ){0,3}(?:discloses?|reveals?|builds?|takes?|has) "
     r"(?:[\w.%]+ ){0,4}stake|activist builds|urges sale", 1.6),
    (r"at (?:a )?[\d.]+% premium", 1.6),
    (r"(?:throws?|threw|tosse[sd]|toss) out (?:[\w$.,-]+ ){0,4}(?:verdict|award|ruling|judge?ment|"
     r"fine|penalty)|overturns? (?:[\w$.,-]+ ){0,4}(?:verdict|award|judge?ment|fine|ban)", 2.2),
    (r"(?:jury|court|judge|panel) (?:sides with|backs|clears|rules for|finds for)", 2.0),
    (r"(?:jury|court|judge|panel) (?:sides|rules|finds) against|verdict against|judge?ment against",
     -2.2),
    (r"clinical hold|complete response letter", -2.6),
    (r"(?:regulatory|formal|criminal|antitrust|federal) (?:inquiry|probe|investigation)", -2.0),
    (rf"(?:loses?|lost|cancel\w*|terminat\w*) {_NEAR}(?:contracts?|orders?|awards?|agreements?|"
     r"programme|program|customer)", -2.4),
    (r"customer (?:leaves|departs|walks away)", -2.0),
    (rf"sees {_NEAR}{_LOSS}", -2.4),
    (r"(?:runs?|running) late|behind schedule|pushes back|postpones?", -1.8),
    (r"(?:ceo|cfo|finance chief|chief executive) (?:to leave|leaves|departs|quits)", -1.4),
    (r"(?:outlook|demand|sales|orders) (?:softens?|weakens?|cools?)", -1.8),
    (r"(?:top|high|upper) end of (?:\w+ )?(?:range|guidance|forecast|view)", 1.6),
    (r"(?:bottom|low|lower) end of (?:\w+ )?(?:range|guidance|forecast|view)", -1.6),
    (r"subsidi[sz]e|(?:government|federal|state) (?:grant|funding|subsidy)", 1.6),
    (r"(?:set )?to join (?:[\w&-]+ ){0,4}(?:index|s&p 500|dow)", 1.8),
    (r"said to bid|bids? \$", 1.2),
    (r"hackers? (?:cripple|hit|steal|breach)|operations (?:suspended|halted|disrupted)", -2.4),
    (r"material weakness(?:es)?|auditor (?:resigns|quits)", -2.6),
    (r"restructuring advis\w+", -2.4),
    (r"takeover (?:bid|offer|interest|target)|to be acquired|buyout offer", 1.8),
    (r"(?:secondary|stock|share|equity|public|registered direct|convertible)(?: notes?)? "
     r"offering|sells? (?:new |\$[\d.,]+ \w+ of )?(?:shares|stock)", -1.2),
    (r"going concern|chapter (?:11|7)|files? for bankruptcy|accounting (?:probe|"
     r"irregularities)", -3.2),
    (r"(?:falls?|drops?|slides?|sinks?|tumbles?|down|lower|shed|sheds) (?:as|after|on|"
     r"despite)", -1.6),
    (r"(?:rises?|jumps?|gains?|climbs?|surges?|soars?|up|higher) (?:as|after|on|despite)", 1.6),
)  # fmt: skip
