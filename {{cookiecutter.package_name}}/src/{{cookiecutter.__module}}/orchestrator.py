{% set file = "orchestrator.py" %}{% include cookiecutter.__templates ~ "pattern.jinja" %}
