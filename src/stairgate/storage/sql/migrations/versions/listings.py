"""What listings are read by."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BATCH = 1_000  # rows that are in memory at once
_WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """From revision 0002."""
    _tables()
    _fill()


def _tables() -> None:
    op.create_index(
        op.f("ix_records_id_status_folded_id_folded_name"),
        "records",
        ["id", "status", "folded_id", "folded_name"],
        unique=False,
    )
    op.create_index(op.f("ix_groups_id_folded_id_folded_name"), "groups", ["id", "folded_id", "folded_name"])
    op.create_table(
        "record_admins",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "record_id", name=op.f("pk_record_admins")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "group_admins",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "group_id", name=op.f("pk_group_admins")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "resource_grants",
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("principal_kind", sa.Text(), nullable=False),
        sa.Column("principal_id", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("position", _WIDE, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint(
            "resource",
            "principal_kind",
            "principal_id",
            "record_id",
            "position",
            name=op.f("pk_resource_grants"),
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "known_resources",
        sa.Column("place", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_known_resources")),
        sqlite_with_rowid=False,
    )


def _fill() -> None:
    """What is stored already."""
    op.execute(
        "INSERT INTO resource_grants (resource, principal_kind, principal_id, record_id, position) "
        "SELECT r.resource, g.principal_kind, g.principal_id, g.record_id, g.position "
        "FROM grants g JOIN statement_resources r ON r.record_id = g.record_id AND r.position = g.position"
    )
    op.execute(
        "INSERT INTO known_resources (place) "
        "SELECT replace(resource, '/', '!') FROM statement_resources WHERE resource NOT LIKE '%*%' "
        "UNION SELECT replace(pattern, '/', '!') FROM resources WHERE pattern NOT LIKE '%*%'"
    )
    connection = op.get_bind()
    for table, name in (("records", "record_admins"), ("groups", "group_admins")):
        things = sa.table(table, sa.column("id"), sa.column("document"))
        admins = sa.table(name, sa.column("user_id"), sa.column(f"{table[:-1]}_id"))
        page = sa.select(things.c.id, things.c.document).order_by(things.c.id).limit(_BATCH)
        after = ""
        while rows := connection.execute(page.where(things.c.id > after)).all():
            after = rows[-1][0]
            found = [
                {"user_id": admin, f"{table[:-1]}_id": thing}
                for thing, document in rows
                for admin in dict.fromkeys(json.loads(document)["admins"])
            ]
            if found:
                connection.execute(sa.insert(admins), found)
