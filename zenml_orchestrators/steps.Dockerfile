# The image that steps of `local_docker` run in: ZenML, and the suite, whose pipelines they are.
#   docker build --file zenml_orchestrators/steps.Dockerfile --tag zenml-conformance/steps .
FROM python:3.11-slim
COPY conformance_tests /suite
RUN pip install --no-cache-dir "zenml[local]==0.98.0" /suite
