"""News: what an item says, of whom, and how much it matters; pure logic in event time."""
