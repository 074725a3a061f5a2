"""{{ cookiecutter.project_name }}: an orchestrator for ZenML."""
