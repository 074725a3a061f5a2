"""The reference orchestrator: the core over the fake backend. It exists to be judged.

It is what generated projects are, so what the suite and the bank of faulty orchestrators say of
it, they say of the code that ships.
"""
