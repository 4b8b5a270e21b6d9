"""Database functions that PostgreSQL and SQLite write differently."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import BooleanField, Func, IntegerField, SmallIntegerField

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.sql.compiler import SQLCompiler

    Sql = tuple[str, tuple[Any, ...]]


class DurationSeconds(Func):
    """The whole seconds between two instants: ``DurationSeconds(starts_at, ends_at)``."""

    output_field = IntegerField()
    arity = 2

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> Sql:
        start, end, params = self._compile_instants(compiler)
        return f"EXTRACT(EPOCH FROM ({end} - {start}))::integer", params

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> Sql:
        start, end, params = self._compile_instants(compiler)
        return (
            f"(CAST(strftime('%%s', {end}) AS INTEGER) - CAST(strftime('%%s', {start}) AS INTEGER))",
            params,
        )

    def _compile_instants(self, compiler: SQLCompiler) -> tuple[str, str, tuple[Any, ...]]:
        """Return the SQL of the start and the end, and the parameters: the end comes first in the SQL."""
        start, end = self.get_source_expressions()
        start_sql, start_params = compiler.compile(start)
        end_sql, end_params = compiler.compile(end)
        return start_sql, end_sql, (*end_params, *start_params)


class IsWholeSecond(Func):
    """Whether an instant has no fraction of a second."""

    output_field = BooleanField()
    conditional = True
    arity = 1

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> Sql:
        sql, params = compiler.compile(self.get_source_expressions()[0])
        return f"(date_trunc('second', {sql}) = {sql})", (*params, *params)

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> Sql:
        sql, params = compiler.compile(self.get_source_expressions()[0])
        return f"(strftime('%%Y-%%m-%%d %%H:%%M:%%S', {sql}) = {sql})", (*params, *params)


class MonthDay(Func):
    """The month and day of an instant in UTC as one number, the same in every year: 720 for 20 July."""

    output_field = SmallIntegerField()
    arity = 1

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> Sql:
        sql, params = compiler.compile(self.get_source_expressions()[0])
        day = f"({sql} AT TIME ZONE 'UTC')"
        return (
            f"(EXTRACT(MONTH FROM {day}) * 100 + EXTRACT(DAY FROM {day}))::smallint",
            (*params, *params),
        )

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> Sql:
        sql, params = compiler.compile(self.get_source_expressions()[0])
        return f"CAST(strftime('%%m%%d', {sql}) AS INTEGER)", tuple(params)
