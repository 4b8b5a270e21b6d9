"""Database functions that PostgreSQL and SQLite write differently."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import BooleanField, Func, IntegerField, SmallIntegerField


class DurationSeconds(Func):
    """The whole seconds between two instants: ``DurationSeconds(starts_at, ends_at)``."""

    output_field: ClassVar[Any] = IntegerField()
    arity = 2

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        start, end = self.get_source_expressions()
        start_sql, start_params = compiler.compile(start)
        end_sql, end_params = compiler.compile(end)
        return (
            f"EXTRACT(EPOCH FROM ({end_sql} - {start_sql}))::integer",
            (*end_params, *start_params),
        )

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        start, end = self.get_source_expressions()
        start_sql, start_params = compiler.compile(start)
        end_sql, end_params = compiler.compile(end)
        return (
            f"(CAST(strftime('%%s', {end_sql}) AS INTEGER) - CAST(strftime('%%s', {start_sql}) AS INTEGER))",
            (*end_params, *start_params),
        )


class IsWholeSecond(Func):
    """Whether an instant has no fraction of a second."""

    output_field: ClassVar[Any] = BooleanField()
    conditional = True
    arity = 1

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        sql, params = compiler.compile(self.get_source_expressions()[0])
        return f"(date_trunc('second', {sql}) = {sql})", (*params, *params)

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        sql, params = compiler.compile(self.get_source_expressions()[0])
        return f"(strftime('%%Y-%%m-%%d %%H:%%M:%%S', {sql}) = {sql})", (*params, *params)


class MonthDay(Func):
    """The month and day of an instant in UTC as one number, the same in every year: 720 for 20 July."""

    output_field: ClassVar[Any] = SmallIntegerField()
    arity = 1

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        sql, params = compiler.compile(self.get_source_expressions()[0])
        day = f"({sql} AT TIME ZONE 'UTC')"
        return (
            f"(EXTRACT(MONTH FROM {day}) * 100 + EXTRACT(DAY FROM {day}))::smallint",
            (*params, *params),
        )

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        sql, params = compiler.compile(self.get_source_expressions()[0])
        return f"CAST(strftime('%%m%%d', {sql}) AS INTEGER)", params
