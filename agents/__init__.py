"""The agents: thin Faust adapters beside the pure logic they run."""
