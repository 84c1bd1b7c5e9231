"""The Faust app, settings, topics, producers and the command line."""
