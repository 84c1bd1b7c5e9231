"""``catalyst demo``: every part on this machine alone, watched, counted and compared."""
