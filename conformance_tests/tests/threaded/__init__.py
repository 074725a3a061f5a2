"""A known good orchestrator of another construction: it shares no line with the core.

A job, the driver, has a thread for each step, which waits for the threads of the steps before it.
What the core gets wrong, this one does not get wrong in the same way, so a rule that is wrong like
the core is found.
"""
