"""One process that imports ZenML once and forks every other process of a session.

The engine keeps the job tables of the fake backend, gives each job and each scenario a
process of its own, and answers requests on a Unix socket. It never opens a ZenML store itself:
a fork must not inherit a database connection.
"""
