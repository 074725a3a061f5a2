"""What every process of a session would do anew, done once before they are forked.

Half of the processor time of a client or a step goes to SQLAlchemy, which turns the same queries of
ZenML's store into the same SQL in each process. The engine runs a pipeline itself, in a store that
is thrown away, and its forks start with the SQL, the models and the modules that this took.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Engine
from zenml import pipeline, step
from zenml.client import Client
from zenml.config.global_config import GlobalConfiguration
from zenml.stack import stack

_COMPILED: dict[Any, Any] = {}


class SharedSQLite(SQLiteDialect_pysqlite):
    """SQLite that hurries, with one cache of compiled statements for all connections of a process.

    SQLAlchemy keeps a cache for each `create_engine`, and looks statements up by the dialect's
    identity. Connections to SQLite files all speak the same SQL, so they may share.
    """

    supports_statement_cache = True

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        """Give a new connection pool the shared cache.

        Args:
            engine: The pool.
        """
        engine.update_execution_options(compiled_cache=_COMPILED)

    def on_connect(self) -> Callable[[Any], None]:
        """Have commits not wait for the disk: a store of the suite's need not survive its machine.

        Each waits for some milliseconds otherwise, and with it all processes that want to write.
        """
        prepare = super().on_connect()

        def prepare_and_hasten(connection: Any) -> None:
            prepare(connection)
            connection.execute("PRAGMA synchronous=OFF")

        return prepare_and_hasten

    def __eq__(self, other: object) -> bool:
        """Say whether statements compiled for another instance fit this one."""
        return type(other) is type(self)

    def __hash__(self) -> int:
        """Agree with `__eq__`."""
        return hash(type(self))


@step
def _give() -> int:
    return 1


@step
def _take(value: int) -> int:
    return value + 1


@pipeline(name="warm_up", enable_cache=False, enable_pipeline_logs=False)
def _static() -> None:
    _take(_give())


@pipeline(name="warm_up_dynamic", dynamic=True, enable_cache=False, enable_pipeline_logs=False)
def _dynamic() -> None:
    _take(_give())


def _read() -> None:
    """Read what was run as orchestrators, and those who refresh a run, do."""
    client = Client()
    for run in client.list_pipeline_runs(hydrate=True, sort_by="asc:created").items:
        snapshot = run.snapshot
        assert snapshot
        found = client.list_pipeline_runs(
            snapshot_id=snapshot.id, orchestrator_run_id=run.orchestrator_run_id, hydrate=True
        ).items[0]
        client.list_run_steps(pipeline_run_id=found.id, exclude_retried=False, hydrate=True)
        for record in found.steps.values():
            client.get_run_step(record.id)
        client.zen_store.get_run(found.id)
        client.zen_store.get_snapshot(snapshot.id)


def share_statements() -> None:
    """Have all connections to SQLite that are made from now on share their statements."""
    registry.register("sqlite", __name__, SharedSQLite.__name__)


def require_one_thread(what: str) -> None:
    """Make sure that this process can be forked.

    Args:
        what: What may have started or left threads, in words.

    Raises:
        RuntimeError: If there are others than this one.
    """
    if threading.active_count() != 1:
        names = ", ".join(thread.name for thread in threading.enumerate())
        raise RuntimeError(f"{what} threads, and forks would lose them: {names}")


def warm_up(environment: dict[str, str]) -> None:
    """Run pipelines in this process, and leave nothing of them behind but what is reusable.

    Args:
        environment: That of a client; its store is of no use afterwards.

    Raises:
        RuntimeError: If threads are left: this process could not be forked any more.
    """
    with _client(environment):
        for each in (_static, _dynamic):
            each()
        _read()
    require_one_thread("warming up left")


@contextmanager
def _client(environment: dict[str, str]) -> Iterator[None]:
    """Be a client of ZenML for a while."""
    before = dict(os.environ)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    os.environ.update(environment)
    try:
        yield
    finally:
        Client().zen_store.engine.dispose()  # type: ignore[attr-defined]
        Client._reset_instance()
        GlobalConfiguration._reset_instance()
        getattr(stack, "_STACK_CACHE", {}).clear()
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.environ.clear()
        os.environ.update(before)
