"""What marked statements ask, found without reading every record."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_WIDE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """From revision 0005."""
    marks = op.create_table(
        "statement_marks",
        sa.Column("requirement", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("position", _WIDE, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("requirement", "record_id", "position", name=op.f("pk_statement_marks")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_statement_marks_record_id"), "statement_marks", ["record_id"], unique=False)
    statements = sa.table("statements", sa.column("record_id"), sa.column("position"), sa.column("document"))
    marked = [
        {"record_id": record, "position": position, "requirement": json.dumps(asked, separators=(",", ":"))}
        for record, position, document in op.get_bind().execute(sa.select(statements))
        if (asked := json.loads(document)["stepUp"]) is not None
    ]
    if marked:
        op.bulk_insert(marks, marked)
