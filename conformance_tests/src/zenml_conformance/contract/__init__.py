"""The contract: what a rule is, every rule, which of them a session selects, what is claimed."""
