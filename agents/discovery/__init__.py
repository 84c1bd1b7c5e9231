"""Discovery: patterns across securities, found while they form."""
