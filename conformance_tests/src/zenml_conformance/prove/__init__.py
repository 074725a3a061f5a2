"""`--prove`: faults put into the orchestrator under test itself, to show that the rules notice.

A mutant breaks any orchestrator from outside: at the seam to its backend, at its methods, or
between it and ZenML's store. `mutants` holds them, `injector` is what they work with, and `prover`
runs them and judges. A suite that can't fail proves nothing.
"""
