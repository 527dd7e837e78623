"""
What differs between databases, and nowhere else.

Columns hold whole numbers, text and bytes only, so rows need no conversion: a statement is compiled once and run on
the driver. NOTE: PostgreSQL's INSERT … ON CONFLICT compiles for SQLite, too, hence its `insert` for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, BindParameter, Boolean, Integer, Table, Text, bindparam
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.functions import GenericFunction

AFTER_ALL = "\U0010ffff"  # a text after every id
MOST = 2**63 - 1  # the greatest whole number that a column or a parameter can have

# SQLite numbers rows by itself only where the type is exactly INTEGER; its INTEGER has 64 bits.
WIDE = BigInteger().with_variant(Integer(), "sqlite")

_SQLITE = sqlite.dialect(paramstyle="named")


@dataclass(frozen=True, slots=True)
class DriverStatement:
    """A statement as the driver takes it, and the parameters that are always the same."""

    text: str
    constants: Mapping[str, Any]


def for_sqlite(statement: Executable) -> DriverStatement:
    """*statement* in SQLite's words; its own parameters keep their names."""
    if not isinstance(statement, ClauseElement):
        message = "only a statement can be compiled"
        raise TypeError(message)
    compiled = statement.compile(dialect=_SQLITE)
    constants = {name: value for name, value in compiled.params.items() if value is not None}
    return DriverStatement(compiled.string, constants)


def text(name: str) -> BindParameter[str]:
    """A parameter that is text."""
    return bindparam(name, type_=Text())


def number(name: str) -> BindParameter[int]:
    """A parameter that is a whole number."""
    return bindparam(name, type_=WIDE)


def add(table: Table) -> Executable:
    """Adds a row, a parameter for each column; changes no row where a unique value is taken."""
    return insert(table).values(_every_column(table)).on_conflict_do_nothing()


def put(table: Table) -> Executable:
    """Puts a row, a parameter for each column, in place of the one with its primary key."""
    statement = insert(table).values(_every_column(table))
    rest = {column.name: statement.excluded[column.name] for column in table.columns if not column.primary_key}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=rest)


def _every_column(table: Table) -> dict[str, Any]:
    return {column.name: bindparam(column.name) for column in table.columns if column.autoincrement is not True}


class holds(GenericFunction[bool]):  # noqa: N801  # named as it is written in a statement
    """Whether the first text has the second in it: without patterns, so without their limits and escapes."""

    type = Boolean()
    inherit_cache = True


@compiles(holds, "sqlite")
def _holds_in_sqlite(element: holds, compiler: SQLCompiler, **options: object) -> str:
    return f"instr{compiler.process(element.clause_expr, **options)} > 0"


@compiles(holds)
def _holds_in_postgresql(element: holds, compiler: SQLCompiler, **options: object) -> str:
    return f"strpos{compiler.process(element.clause_expr, **options)} > 0"
