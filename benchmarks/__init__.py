"""Performance of real components against goals and peers."""
