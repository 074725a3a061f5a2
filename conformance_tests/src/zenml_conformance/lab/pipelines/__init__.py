"""The steps and pipelines of the scenarios, and what their steps use to be seen."""
