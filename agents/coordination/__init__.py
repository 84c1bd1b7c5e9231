"""Coordination: service health, aging and storage, kept while the data flow."""
