"""`--prove`: faults put into the orchestrator under test itself, to show that the rules notice.

A sabotage breaks any orchestrator from outside: at the seam to its backend, at its methods, or
between it and ZenML's store. `sabotages` holds them, `scene` is what they work with, `prover` plays
them and judges, and `plugin` is pytest's side of it. A suite that can't fail proves nothing.
"""
