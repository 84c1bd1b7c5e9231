"""The second stage: the whole market by the minute, with its news."""
