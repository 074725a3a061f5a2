"""Everything that ZenML wants of an orchestrator, for any backend that can run a job.

This folder is the template's. Do not edit it: an update replaces it as a whole. What is yours lies
beside it; `jobs.py` is what the two have in common.
"""

VERSION = "1.0"
