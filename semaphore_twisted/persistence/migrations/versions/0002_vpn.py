"""The VPN: settings, peers, invites, site networks and grants."""

from alembic import op
from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
)

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables of the VPN."""
    op.create_table(
        "vpn_network",
        Column("id", Integer, autoincrement=True, nullable=False),
        Column("interface", Text, nullable=False),
        Column("endpoint", Text, nullable=False),
        Column("pool4", Text, nullable=False),
        Column("pool6", Text, server_default="", nullable=False),
        Column("server4", Text, nullable=False),
        Column("server6", Text, server_default="", nullable=False),
        Column("public_key", LargeBinary, nullable=False),
        Column("mtu", Integer, nullable=False),
        Column("revision", Integer, server_default="0", nullable=False),
        CheckConstraint("length(public_key) = 32", name="ck_vpn_network_public_key"),
        PrimaryKeyConstraint("id", name="pk_vpn_network"),
    )
    op.create_table(
        "vpn_quarantine",
        Column("address", Text, nullable=False),
        Column("until", Text, nullable=False),
        PrimaryKeyConstraint("address", name="pk_vpn_quarantine"),
    )
    op.create_table(
        "vpn_site",
        Column("id", Integer, autoincrement=True, nullable=False),
        Column("name", Text, nullable=False),
        Column("network", Text, nullable=False),
        PrimaryKeyConstraint("id", name="pk_vpn_site"),
        UniqueConstraint("name", name="uq_vpn_site_name"),
        UniqueConstraint("network", name="uq_vpn_site_network"),
    )
    op.create_table(
        "vpn_invite",
        Column("id", Integer, autoincrement=True, nullable=False),
        Column("token_digest", Text, nullable=False),
        Column("prefix", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("user_id", Integer, nullable=True),
        Column("project_id", Integer, nullable=True),
        Column("created_by", Integer, nullable=True),
        Column("uses", Integer, server_default="0", nullable=False),
        Column("max_uses", Integer, nullable=False),
        Column("tags", Text, server_default="[]", nullable=False),
        Column("grants", Text, server_default="[]", nullable=False),
        Column("approval", Integer, server_default="0", nullable=False),
        Column("created", Text, nullable=False),
        Column("expires", Text, nullable=False),
        Column("peer_expires", Text, nullable=True),
        Column("revoked", Text, nullable=True),
        Column("last_used", Text, nullable=True),
        ForeignKeyConstraint(
            ["created_by"],
            ["user.id"],
            name="fk_vpn_invite_created_by",
            ondelete="SET NULL",
        ),
        ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            name="fk_vpn_invite_project_id",
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["user_id"], ["user.id"], name="fk_vpn_invite_user_id", ondelete="CASCADE"
        ),
        PrimaryKeyConstraint("id", name="pk_vpn_invite"),
        UniqueConstraint("token_digest", name="uq_vpn_invite_token_digest"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_vpn_invite_created_by", "vpn_invite", ["created_by"])
    op.create_index("ix_vpn_invite_project_id", "vpn_invite", ["project_id"])
    op.create_index("ix_vpn_invite_user_id", "vpn_invite", ["user_id"])
    op.create_table(
        "vpn_peer",
        Column("id", Integer, autoincrement=True, nullable=False),
        Column("uuid", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("user_id", Integer, nullable=True),
        Column("project_id", Integer, nullable=True),
        Column("invite_id", Integer, nullable=True),
        Column("public_key", LargeBinary, nullable=False),
        Column("preshared_key", Text, nullable=True),
        Column("ipv4", Text, nullable=True),
        Column("ipv6", Text, nullable=True),
        Column("tags", Text, server_default="[]", nullable=False),
        Column("created", Text, nullable=False),
        Column("expires", Text, nullable=True),
        Column("ended", Text, nullable=True),
        Column("held", Integer, server_default="0", nullable=False),
        Column("last_handshake", Text, nullable=True),
        Column("outer_endpoint", Text, nullable=True),
        Column("received", Integer, server_default="0", nullable=False),
        Column("sent", Integer, server_default="0", nullable=False),
        Column("device_received", Integer, server_default="0", nullable=False),
        Column("device_sent", Integer, server_default="0", nullable=False),
        CheckConstraint("length(public_key) = 32", name="ck_vpn_peer_public_key"),
        ForeignKeyConstraint(
            ["invite_id"],
            ["vpn_invite.id"],
            name="fk_vpn_peer_invite_id",
            ondelete="SET NULL",
        ),
        ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            name="fk_vpn_peer_project_id",
            ondelete="SET NULL",
        ),
        ForeignKeyConstraint(
            ["user_id"], ["user.id"], name="fk_vpn_peer_user_id", ondelete="SET NULL"
        ),
        PrimaryKeyConstraint("id", name="pk_vpn_peer"),
        UniqueConstraint("ipv4", name="uq_vpn_peer_ipv4"),
        UniqueConstraint("ipv6", name="uq_vpn_peer_ipv6"),
        UniqueConstraint("public_key", name="uq_vpn_peer_public_key"),
        UniqueConstraint("uuid", name="uq_vpn_peer_uuid"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_vpn_peer_invite_id", "vpn_peer", ["invite_id"])
    op.create_index("ix_vpn_peer_project_id", "vpn_peer", ["project_id"])
    op.create_index("ix_vpn_peer_user_id", "vpn_peer", ["user_id"])
    op.create_table(
        "vpn_grant",
        Column("id", Integer, autoincrement=True, nullable=False),
        Column("site_id", Integer, nullable=False),
        Column("peer_id", Integer, nullable=True),
        Column("user_id", Integer, nullable=True),
        Column("project_id", Integer, nullable=True),
        ForeignKeyConstraint(
            ["peer_id"],
            ["vpn_peer.id"],
            name="fk_vpn_grant_peer_id",
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            name="fk_vpn_grant_project_id",
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["site_id"],
            ["vpn_site.id"],
            name="fk_vpn_grant_site_id",
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["user_id"], ["user.id"], name="fk_vpn_grant_user_id", ondelete="CASCADE"
        ),
        PrimaryKeyConstraint("id", name="pk_vpn_grant"),
        UniqueConstraint("site_id", "peer_id", name="uq_vpn_grant_site_id_peer_id"),
        UniqueConstraint(
            "site_id", "project_id", name="uq_vpn_grant_site_id_project_id"
        ),
        UniqueConstraint("site_id", "user_id", name="uq_vpn_grant_site_id_user_id"),
    )
    op.create_index("ix_vpn_grant_peer_id", "vpn_grant", ["peer_id"])
    op.create_index("ix_vpn_grant_project_id", "vpn_grant", ["project_id"])
    op.create_index("ix_vpn_grant_site_id", "vpn_grant", ["site_id"])
    op.create_index("ix_vpn_grant_user_id", "vpn_grant", ["user_id"])
