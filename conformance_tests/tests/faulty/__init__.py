"""The bank: orchestrators that are right but for one thing, and the rules that must notice.

Each module holds the faults of one area of the contract, as the modules of
`zenml_conformance.contract.rules` hold its rules.
"""

from faulty.fault import FAULTS as FAULTS

from faulty import caching as caching  # isort: skip
from faulty import dead_steps as dead_steps  # isort: skip
from faulty import environment as environment  # isort: skip
from faulty import failure as failure  # isort: skip
from faulty import hooks as hooks  # isort: skip
from faulty import identity as identity  # isort: skip
from faulty import processes as processes  # isort: skip
from faulty import packaging as packaging  # isort: skip
from faulty import server as server  # isort: skip
from faulty import records as records  # isort: skip
from faulty import resources as resources  # isort: skip
from faulty import submission as submission  # isort: skip
from faulty import topology as topology  # isort: skip
from faulty import schedules as schedules  # isort: skip
from faulty import status as status  # isort: skip
from faulty import stop as stop  # isort: skip
from faulty import dynamic as dynamic  # isort: skip
from faulty import isolated as isolated  # isort: skip
from faulty import foreign as foreign  # isort: skip
