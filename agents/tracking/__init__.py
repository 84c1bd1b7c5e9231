"""Tracking: quotes in, per-symbol state, ticks and one-minute bars out."""
