"""The factors of the score, one a file; a new file with a ``FACTOR`` is a new factor."""
