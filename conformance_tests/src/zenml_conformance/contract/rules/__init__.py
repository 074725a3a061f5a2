"""The contract: one module an area, in the order in which the areas build on each other.

The modules read as the specification. `RULES` holds every rule once this package is imported. Where
to find an id:

    submission   SUB, CONC
    identity     RUNID
    topology     DAG
    environment  ENV, APP
    processes    PROC
    server       SRV
    records      META, ART, NAME, HB, LOG
    failure      MODE, RETRY
    hooks        HOOK
    dead_steps   DEAD
    caching      CACHE
    resources    RES, SET
    packaging    PKG
    status       STAT
    stop         STOP
    schedules    SUB, SCHED
    dynamic      DYN, RUNID
    isolated     ISO
"""

from zenml_conformance.contract.rule import RULES as RULES

from zenml_conformance.contract.rules import submission as submission  # isort: skip
from zenml_conformance.contract.rules import identity as identity  # isort: skip
from zenml_conformance.contract.rules import topology as topology  # isort: skip
from zenml_conformance.contract.rules import environment as environment  # isort: skip
from zenml_conformance.contract.rules import processes as processes  # isort: skip
from zenml_conformance.contract.rules import server as server  # isort: skip
from zenml_conformance.contract.rules import records as records  # isort: skip
from zenml_conformance.contract.rules import failure as failure  # isort: skip
from zenml_conformance.contract.rules import hooks as hooks  # isort: skip
from zenml_conformance.contract.rules import dead_steps as dead_steps  # isort: skip
from zenml_conformance.contract.rules import caching as caching  # isort: skip
from zenml_conformance.contract.rules import resources as resources  # isort: skip
from zenml_conformance.contract.rules import packaging as packaging  # isort: skip
from zenml_conformance.contract.rules import status as status  # isort: skip
from zenml_conformance.contract.rules import stop as stop  # isort: skip
from zenml_conformance.contract.rules import schedules as schedules  # isort: skip
from zenml_conformance.contract.rules import dynamic as dynamic  # isort: skip
from zenml_conformance.contract.rules import isolated as isolated  # isort: skip
