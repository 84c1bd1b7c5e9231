"""The valence of single words of finance, beside a general lexicon of sentiment.

Values are from -4 to 4, as in VADER. The words follow the idea of Loughran and McDonald ("When Is a
Liability Not a Liability?", Journal of Finance, 2011) that a general lexicon misreads finance; the
words themselves were collected from headlines, not taken from their lists. They are lemmas where
the vocabulary has them, and count where no event is read in them.
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
        words_of("""rise higher climb gain advance up increase profitable growth rebound recover
        recovery momentum expand expansion strong stronger upbeat bullish outpace grow improve
        resilient robust strength lift boost raise"""), 1.3,
    ),
    **dict.fromkeys(
        words_of("""jump surge soar rally skyrocket upgrade outperform overweight beat top exceed
        approval approve blockbuster windfall breakthrough pops double triple"""), 2.2,
    ),
    **dict.fromkeys(
        words_of("""fall slip dip ease decline lower drop decrease down soft softer weak weaker
        weakness retreat sluggish slow slowdown delay headwind bearish cautious concern downbeat
        cut pressure shortfall deteriorate lag volatile shrink soften weaken slide"""), -1.3,
    ),
    **dict.fromkeys(
        words_of("""plunge plummet tumble slump sink crash collapse downgrade underperform
        underweight miss disappoint writedown impairment slash selloff rout halve"""), -2.2,
    ),
    **dict.fromkeys(
        words_of("""antitrust complaint halt suspend suspension resign oust reject withdraw spill
        shortage injunction counterfeit lose block deny revoke veto terminate cancel"""), -1.8,
    ),
    **dict.fromkeys(words_of("unlawful felony manipulation"), -2.8),
    **dict.fromkeys(words_of("loss"), -1.6),
    **dict.fromkeys(words_of("profit dividend repurchase buyback"), 0.8),
}  # fmt: skip
