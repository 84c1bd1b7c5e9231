"""Scanning: the whole universe scored, the hundred that are tracked, the five to trade."""
