"""Messages that cross a topic or the API: the wire contract, validated at the edge."""
