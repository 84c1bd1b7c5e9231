"""Errors that a user can cause and can put right."""


class UserError(Exception):
    """A mistake or a condition that the user can put right.

    The message is one line that says what to do. The command line prints it without a traceback
    and exits with code 2.
    """
