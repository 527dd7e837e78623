"""
Every table.

Times are whole microseconds since 1970 (UTC), documents are JSON text (`documents`), a token is the JSON text of its
key. A change here needs a revision in `migrations.versions`; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, MetaData, SmallInteger, Table, Text

from stairgate.storage.sql.dialects import WIDE

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

facts = Table(
    "facts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

changes = Table(
    "changes",
    metadata,
    Column("revision", WIDE, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    sqlite_autoincrement=True,  # a revision is never given twice
)

# --- access ------------------------------------------------------------------------------------------------------

records = Table(
    "records",
    metadata,
    Column("id", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("folded_id", Text, nullable=False),  # as searches compare it
    Column("folded_name", Text, nullable=False),
    Column("document", Text, nullable=False),
    Index(None, "status", "id"),
    Index(None, "id", "status", "folded_id", "folded_name"),  # what a search looks at, without the documents
)

record_admins = Table(
    "record_admins",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("record_id", Text, primary_key=True),
    sqlite_with_rowid=False,
)

# The statements of ACTIVE records, without whom they name: one row, however many it names.
statements = Table(
    "statements",
    metadata,
    Column("record_id", Text, primary_key=True),
    Column("position", WIDE, primary_key=True, autoincrement=False),
    Column("document", Text, nullable=False),
)

# Whom the statements of ACTIVE records name.
grants = Table(
    "grants",
    metadata,
    Column("principal_kind", Text, primary_key=True),
    Column("principal_id", Text, primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("position", WIDE, primary_key=True, autoincrement=False),
    Index(None, "record_id"),
    sqlite_with_rowid=False,
)

# Where the statements of ACTIVE records stand, for listings.
statement_resources = Table(
    "statement_resources",
    metadata,
    Column("resource", Text, primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("position", WIDE, primary_key=True, autoincrement=False),
    Index(None, "record_id"),
    sqlite_with_rowid=False,
)

# What the marked statements of ACTIVE records ask.
statement_marks = Table(
    "statement_marks",
    metadata,
    Column("requirement", Text, primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("position", WIDE, primary_key=True, autoincrement=False),
    Index(None, "record_id"),
    sqlite_with_rowid=False,
)

# Whom the statements of ACTIVE records name on which resource, by user and not by statement: for pages of users.
resource_grants = Table(
    "resource_grants",
    metadata,
    Column("resource", Text, primary_key=True),
    Column("principal_kind", Text, primary_key=True),
    Column("principal_id", Text, primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("position", WIDE, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

# What statements of ACTIVE records and configurations name without a wildcard: its place (`model.resources.place_of`).
known_resources = Table(
    "known_resources",
    metadata,
    Column("place", Text, primary_key=True),
    sqlite_with_rowid=False,
)

roles = Table(
    "roles",
    metadata,
    Column("id", Text, primary_key=True),
    Column("document", Text, nullable=False),
)

groups = Table(
    "groups",
    metadata,
    Column("id", Text, primary_key=True),
    Column("folded_id", Text, nullable=False),
    Column("folded_name", Text, nullable=False),
    Column("document", Text, nullable=False),
    Index(None, "id", "folded_id", "folded_name"),
)

group_admins = Table(
    "group_admins",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("group_id", Text, primary_key=True),
    sqlite_with_rowid=False,
)

memberships = Table(
    "memberships",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("group_id", Text, primary_key=True),
    Index(None, "group_id"),
    sqlite_with_rowid=False,
)

# Whom records, DELETED ones too, and groups name, as admins too.
named_users = Table(
    "named_users",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),  # of what names the user: record, group
    Column("named_by", Text, primary_key=True),
    Index(None, "kind", "named_by"),
    sqlite_with_rowid=False,
)

resources = Table(
    "resources",
    metadata,
    Column("pattern", Text, primary_key=True),
    Column("document", Text, nullable=False),
)

# --- trust -------------------------------------------------------------------------------------------------------

clients = Table(
    "clients",
    metadata,
    Column("id", Text, primary_key=True),
    Column("document", Text, nullable=False),
)

issuers = Table(
    "issuers",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("document", Text, nullable=False),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("use", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", WIDE, nullable=False),
    Column("retired", SmallInteger, nullable=False),
)

invites = Table(
    "invites",
    metadata,
    Column("digest", Text, primary_key=True),  # of the id, which is not kept
    Column("inviter", Text, nullable=False),
    Column("linked_user", Text),
    Column("expires_at", WIDE, nullable=False),
    Column("document", Text, nullable=False),
    Index(None, "inviter"),
    Index(None, "linked_user"),
    Index(None, "expires_at"),
)

# What requests under an Idempotency-Key were answered with.
remembered_answers = Table(
    "remembered_answers",
    metadata,
    Column("caller", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("answer", LargeBinary, nullable=False),  # sealed by the key ring
    Column("shown_until", WIDE, nullable=False),
    Column("expires_at", WIDE, nullable=False),
    Index(None, "expires_at"),
)

# --- step-up -----------------------------------------------------------------------------------------------------

factors = Table(
    "factors",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("secret", LargeBinary, nullable=False),  # sealed by the key ring
    Column("created_at", WIDE, nullable=False),
    Column("usable_from", WIDE, nullable=False),
    Column("name", Text, nullable=False),
    Column("counter", WIDE, nullable=False),
    Column("last_used_at", WIDE),
    Column("disabled", SmallInteger, nullable=False),
    Index(None, "user_id", "created_at"),
)

enrolments = Table(
    "enrolments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("started_by", Text, nullable=False),
    Column("secret", LargeBinary, nullable=False),  # sealed by the key ring
    Column("name", Text, nullable=False),
    Column("most", SmallInteger, nullable=False),
    Column("first", SmallInteger, nullable=False),
    Column("created_at", WIDE, nullable=False),
    Column("expires_at", WIDE, nullable=False),
    Column("wrong_answers", WIDE, nullable=False),
    Index(None, "user_id", "created_at"),
)

account_links = Table(
    "account_links",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("digest", Text, nullable=False),  # keyed hash of its secret
    Column("made_by", Text, nullable=False),
    Column("created_at", WIDE, nullable=False),
    Column("expires_at", WIDE, nullable=False),
    Column("token", Text),
    Column("token_expires_at", WIDE),
    Column("enrols", SmallInteger, nullable=False),
    Column("entered", SmallInteger, nullable=False),
    Column("spent", SmallInteger, nullable=False),
    Index(None, "user_id", "created_at"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("factor", Text, primary_key=True),
    Column("failures", WIDE, nullable=False),
    Column("last_failure_at", WIDE),
)

standings = Table(
    "standings",
    metadata,
    Column("token", Text, primary_key=True),
    Column("wrong_answers", WIDE, nullable=False),
    Column("barred_until", WIDE),
    Column("not_me", SmallInteger, nullable=False),
)

challenges = Table(
    "challenges",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("opened_at", WIDE, nullable=False),
    Column("version", WIDE, nullable=False),
    Column("document", Text, nullable=False),
    Index(None, "token", "state"),
    Index(None, "user_id", "opened_at"),
)

# Which challenge each challenge token stands for: the one that opened it, and those that joined.
tickets = Table(
    "tickets",
    metadata,
    Column("id", Text, primary_key=True),
    Column("challenge_id", Text, nullable=False),
)

elevations = Table(
    "elevations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("challenge_id", Text, nullable=False, unique=True),
    Column("issued_at", WIDE, nullable=False),
    Column("expires_at", WIDE, nullable=False),
    Column("uses_left", WIDE),
    Column("ended_at", WIDE),
    Column("end_reason", Text),
    Column("document", Text, nullable=False),  # what never changes
    Index(None, "token", "user_id", "expires_at"),
    Index(None, "user_id", "expires_at"),
)

taken_uses = Table(
    "taken_uses",
    metadata,
    Column("client_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("elevation_id", Text, nullable=False),
    Column("taken_at", WIDE, nullable=False),
)

requests = Table(
    "requests",
    metadata,
    Column("id", Text, primary_key=True),
    Column("requester", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("live", SmallInteger, nullable=False),
    Column("opened_at", WIDE, nullable=False),
    Column("document", Text, nullable=False),
    Index(None, "requester", "id"),
    Index(None, "requester", "live"),
    Index(None, "status", "id"),
)

# Whose members a request waits for; none once it is decided.
request_groups = Table(
    "request_groups",
    metadata,
    Column("group_id", Text, primary_key=True),
    Column("request_id", Text, primary_key=True),
    Index(None, "request_id"),
)

# --- audit -------------------------------------------------------------------------------------------------------

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("number", WIDE, primary_key=True, autoincrement=False),
    Column("event", Text, nullable=False),
    Column("at", Text, nullable=False),  # the text that was hashed
    Column("actor", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("digest", Text, nullable=False),
)

# One row: how long the chain is. Kept apart, so that a cut-off end is found.
audit_head = Table(
    "audit_head",
    metadata,
    Column("id", WIDE, primary_key=True, autoincrement=False),
    Column("number", WIDE, nullable=False),
    Column("digest", Text, nullable=False),
)
