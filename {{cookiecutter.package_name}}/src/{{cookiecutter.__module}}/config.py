{% set file = "config.py" %}{% include cookiecutter.__templates ~ "pattern.jinja" %}
