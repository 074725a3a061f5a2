"""A pytest session that judges: its options, its hooks, what it shows and writes."""
