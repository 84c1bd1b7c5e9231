"""What a message that breaks its contract raises."""


class InvalidMessage(ValueError):
    """A record that cannot be taken: ``reason`` is one word fit for a label, the text explains."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
