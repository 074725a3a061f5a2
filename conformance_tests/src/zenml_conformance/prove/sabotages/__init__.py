"""Every sabotage: one module an area, as the modules of `rules`.

`SABOTAGES` holds them once this package is imported. ZenML is imported inside of them only: who
lists them need not wait for it.
"""

from zenml_conformance.prove.sabotage import SABOTAGES as SABOTAGES

from zenml_conformance.prove.sabotages import submission as submission  # isort: skip
from zenml_conformance.prove.sabotages import identity as identity  # isort: skip
from zenml_conformance.prove.sabotages import topology as topology  # isort: skip
from zenml_conformance.prove.sabotages import environment as environment  # isort: skip
from zenml_conformance.prove.sabotages import records as records  # isort: skip
from zenml_conformance.prove.sabotages import failure as failure  # isort: skip
from zenml_conformance.prove.sabotages import hooks as hooks  # isort: skip
from zenml_conformance.prove.sabotages import dead_steps as dead_steps  # isort: skip
from zenml_conformance.prove.sabotages import caching as caching  # isort: skip
from zenml_conformance.prove.sabotages import resources as resources  # isort: skip
from zenml_conformance.prove.sabotages import packaging as packaging  # isort: skip
from zenml_conformance.prove.sabotages import status as status  # isort: skip
from zenml_conformance.prove.sabotages import stop as stop  # isort: skip
from zenml_conformance.prove.sabotages import schedules as schedules  # isort: skip
from zenml_conformance.prove.sabotages import dynamic as dynamic  # isort: skip
from zenml_conformance.prove.sabotages import isolated as isolated  # isort: skip
