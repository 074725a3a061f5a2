"""The contract: one module an area, in the order in which the areas build on each other.

The modules read as the specification. `RULES` holds every rule once this package is imported.
"""

from zenml_conformance.rule import RULES as RULES

from zenml_conformance.rules import submission as submission  # isort: skip
from zenml_conformance.rules import identity as identity  # isort: skip
from zenml_conformance.rules import topology as topology  # isort: skip
from zenml_conformance.rules import environment as environment  # isort: skip
from zenml_conformance.rules import processes as processes  # isort: skip
from zenml_conformance.rules import records as records  # isort: skip
from zenml_conformance.rules import failure as failure  # isort: skip
from zenml_conformance.rules import hooks as hooks  # isort: skip
from zenml_conformance.rules import dead_steps as dead_steps  # isort: skip
from zenml_conformance.rules import caching as caching  # isort: skip
from zenml_conformance.rules import resources as resources  # isort: skip
from zenml_conformance.rules import packaging as packaging  # isort: skip
from zenml_conformance.rules import status as status  # isort: skip
from zenml_conformance.rules import stop as stop  # isort: skip
from zenml_conformance.rules import schedules as schedules  # isort: skip
from zenml_conformance.rules import dynamic as dynamic  # isort: skip
from zenml_conformance.rules import isolated as isolated  # isort: skip
