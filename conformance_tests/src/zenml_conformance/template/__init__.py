"""The template that generates projects, as this suite carries it. Imports no ZenML."""
