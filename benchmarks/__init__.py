"""Ratios between times that are measured side by side, in one run on one machine.

Seconds differ from machine to machine; what is claimed about speed is therefore a ratio of two
medians of the same run. `python -m benchmarks` prints them.
"""
