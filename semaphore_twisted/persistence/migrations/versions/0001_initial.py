"""The initial schema."""

from alembic import op
from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
)

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create all tables."""
    op.create_table(
        "login_failure",
        Column("subject", Text, nullable=False),
        Column("failures", Integer, nullable=False),
        Column("last", Text, nullable=False),
        PrimaryKeyConstraint("subject", name="pk_login_failure"),
    )
    op.create_table(
        "option",
        Column("key", Text, nullable=False),
        Column("value", Text, nullable=False),
        PrimaryKeyConstraint("key", name="pk_option"),
    )
    op.create_table(
        "project",
        Column("id", Integer, autoincrement=True, nullable=False),
        Column("uuid", Text, nullable=False),
        Column("created", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("alert", Integer, server_default="0", nullable=False),
        Column("alert_chat", Text, nullable=True),
        Column("max_parallel_tasks", Integer, server_default="0", nullable=False),
        Column("type", Text, server_default="", nullable=False),
        PrimaryKeyConstraint("id", name="pk_project"),
        UniqueConstraint("uuid", name="uq_project_uuid"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "sealed_value",
        Column("name", Text, nullable=False),
        Column("uuid", Text, nullable=False),
        Column("secret", Text, nullable=False),
        PrimaryKeyConstraint("name", name="pk_sealed_value"),
    )
    op.create_table(
        "user",
        Column("id", Integer, autoincrement=True, nullable=False),
        Column("created", Text, nullable=False),
        Column("username", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("email", Text, nullable=False),
        Column("password", Text, nullable=False),
        Column("alert", Integer, server_default="0", nullable=False),
        Column("external", Integer, server_default="0", nullable=False),
        Column("admin", Integer, server_default="0", nullable=False),
        Column("active", Integer, server_default="1", nullable=False),
        PrimaryKeyConstraint("id", name="pk_user"),
        UniqueConstraint("email", name="uq_user_email"),
        UniqueConstraint("username", name="uq_user_username"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "event",
        Column("id", Integer, autoincrement=True, nullable=False),
        Column("project_id", Integer, nullable=True),
        Column("user_id", Integer, nullable=True),
        Column("integration_id", Integer, nullable=True),
        Column("object_type", Text, nullable=True),
        Column("object_id", Integer, nullable=True),
        Column("object_name", Text, server_default="", nullable=False),
        Column("description", Text, nullable=True),
        Column("created", Text, nullable=False),
        Column("ip", Text, server_default="", nullable=False),
        ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            name="fk_event_project_id",
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["user_id"], ["user.id"], name="fk_event_user_id", ondelete="SET NULL"
        ),
        PrimaryKeyConstraint("id", name="pk_event"),
    )
    op.create_index("ix_event_project_id", "event", ["project_id"])
    op.create_index("ix_event_user_id", "event", ["user_id"])
    op.create_table(
        "project__environment",
        Column("id", Integer, autoincrement=True, nullable=False),
        Column("project_id", Integer, nullable=False),
        Column("name", Text, nullable=False),
        Column("json", Text, server_default="{}", nullable=False),
        Column("env", Text, nullable=True),
        ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            name="fk_project__environment_project_id",
            ondelete="CASCADE",
        ),
        PrimaryKeyConstraint("id", name="pk_project__environment"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_project__environment_project_id", "project__environment", ["project_id"]
    )
    op.create_table(
        "project__user",
        Column("project_id", Integer, nullable=False),
        Column("user_id", Integer, nullable=False),
        Column("role", Text, nullable=False),
        ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            name="fk_project__user_project_id",
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["user_id"],
            ["user.id"],
            name="fk_project__user_user_id",
            ondelete="CASCADE",
        ),
        PrimaryKeyConstraint("project_id", "user_id", name="pk_project__user"),
    )
    op.create_index("ix_project__user_user_id", "project__user", ["user_id"])
    op.create_table(
        "project__view",
        Column("id", Integer, autoincrement=True, nullable=False),
        Column("project_id", Integer, nullable=False),
        Column("title", Text, nullable=False),
        Column("position", Integer, server_default="0", nullable=False),
        ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            name="fk_project__view_project_id",
            ondelete="CASCADE",
        ),
        PrimaryKeyConstraint("id", name="pk_project__view"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_project__view_project_id", "project__view", ["project_id"])
    op.create_table(
        "session",
        Column("id", Integer, autoincrement=True, nullable=False),
        Column("user_id", Integer, nullable=False),
        Column("digest", Text, nullable=False),
        Column("created", Text, nullable=False),
        Column("last_active", Text, nullable=False),
        Column("ip", Text, nullable=False),
        Column("user_agent", Text, nullable=False),
        ForeignKeyConstraint(
            ["user_id"], ["user.id"], name="fk_session_user_id", ondelete="CASCADE"
        ),
        PrimaryKeyConstraint("id", name="pk_session"),
        UniqueConstraint("digest", name="uq_session_digest"),
    )
    op.create_index("ix_session_user_id", "session", ["user_id"])
    op.create_table(
        "user__token",
        Column("digest", Text, nullable=False),
        Column("prefix", Text, nullable=False),
        Column("user_id", Integer, nullable=False),
        Column("name", Text, server_default="", nullable=False),
        Column("created", Text, nullable=False),
        Column("expires", Text, nullable=True),
        ForeignKeyConstraint(
            ["user_id"], ["user.id"], name="fk_user__token_user_id", ondelete="CASCADE"
        ),
        PrimaryKeyConstraint("digest", name="pk_user__token"),
    )
    op.create_index("ix_user__token_user_id", "user__token", ["user_id"])
    op.create_table(
        "access_key",
        Column("id", Integer, autoincrement=True, nullable=False),
        Column("uuid", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("project_id", Integer, nullable=False),
        Column("environment_id", Integer, nullable=True),
        Column("owner", Text, server_default="", nullable=False),
        Column("secret", Text, nullable=True),
        ForeignKeyConstraint(
            ["environment_id"],
            ["project__environment.id"],
            name="fk_access_key_environment_id",
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            name="fk_access_key_project_id",
            ondelete="CASCADE",
        ),
        PrimaryKeyConstraint("id", name="pk_access_key"),
        UniqueConstraint("uuid", name="uq_access_key_uuid"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_access_key_environment_id", "access_key", ["environment_id"])
    op.create_index("ix_access_key_project_id", "access_key", ["project_id"])
    op.create_table(
        "project__repository",
        Column("id", Integer, autoincrement=True, nullable=False),
        Column("project_id", Integer, nullable=False),
        Column("name", Text, nullable=False),
        Column("git_url", Text, nullable=False),
        Column("git_branch", Text, server_default="", nullable=False),
        Column("ssh_key_id", Integer, nullable=False),
        ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            name="fk_project__repository_project_id",
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["ssh_key_id"],
            ["access_key.id"],
            name="fk_project__repository_ssh_key_id",
            ondelete="RESTRICT",
        ),
        PrimaryKeyConstraint("id", name="pk_project__repository"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_project__repository_project_id", "project__repository", ["project_id"]
    )
    op.create_index(
        "ix_project__repository_ssh_key_id", "project__repository", ["ssh_key_id"]
    )
    op.create_table(
        "project__inventory",
        Column("id", Integer, autoincrement=True, nullable=False),
        Column("project_id", Integer, nullable=False),
        Column("name", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("inventory", Text, server_default="", nullable=False),
        Column("ssh_key_id", Integer, nullable=True),
        Column("become_key_id", Integer, nullable=True),
        Column("holder_id", Integer, nullable=True),
        Column("repository_id", Integer, nullable=True),
        ForeignKeyConstraint(
            ["become_key_id"],
            ["access_key.id"],
            name="fk_project__inventory_become_key_id",
            ondelete="RESTRICT",
        ),
        ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            name="fk_project__inventory_project_id",
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["repository_id"],
            ["project__repository.id"],
            name="fk_project__inventory_repository_id",
            ondelete="RESTRICT",
        ),
        ForeignKeyConstraint(
            ["ssh_key_id"],
            ["access_key.id"],
            name="fk_project__inventory_ssh_key_id",
            ondelete="RESTRICT",
        ),
        PrimaryKeyConstraint("id", name="pk_project__inventory"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_project__inventory_become_key_id", "project__inventory", ["become_key_id"]
    )
    op.create_index(
        "ix_project__inventory_project_id", "project__inventory", ["project_id"]
    )
    op.create_index(
        "ix_project__inventory_repository_id", "project__inventory", ["repository_id"]
    )
    op.create_index(
        "ix_project__inventory_ssh_key_id", "project__inventory", ["ssh_key_id"]
    )
    op.create_table(
        "project__template",
        Column("id", Integer, autoincrement=True, nullable=False),
        Column("project_id", Integer, nullable=False),
        Column("name", Text, nullable=False),
        Column("description", Text, nullable=True),
        Column("playbook", Text, server_default="", nullable=False),
        Column("inventory_id", Integer, nullable=True),
        Column("repository_id", Integer, nullable=False),
        Column("environment_id", Integer, nullable=True),
        Column("arguments", Text, nullable=True),
        Column(
            "allow_override_args_in_task", Integer, server_default="0", nullable=False
        ),
        Column("type", Text, server_default="", nullable=False),
        Column("start_version", Text, nullable=True),
        Column("build_template_id", Integer, nullable=True),
        Column("view_id", Integer, nullable=True),
        Column("survey_vars", Text, nullable=True),
        Column("autorun", Integer, server_default="0", nullable=False),
        Column("suppress_success_alerts", Integer, server_default="0", nullable=False),
        Column("app", Text, server_default="ansible", nullable=False),
        Column("git_branch", Text, nullable=True),
        Column("task_params", Text, server_default="{}", nullable=False),
        Column(
            "allow_override_branch_in_task", Integer, server_default="0", nullable=False
        ),
        Column("allow_parallel_tasks", Integer, server_default="0", nullable=False),
        Column("tasks", Integer, server_default="0", nullable=False),
        ForeignKeyConstraint(
            ["build_template_id"],
            ["project__template.id"],
            name="fk_project__template_build_template_id",
            ondelete="SET NULL",
        ),
        ForeignKeyConstraint(
            ["environment_id"],
            ["project__environment.id"],
            name="fk_project__template_environment_id",
            ondelete="RESTRICT",
        ),
        ForeignKeyConstraint(
            ["inventory_id"],
            ["project__inventory.id"],
            name="fk_project__template_inventory_id",
            ondelete="RESTRICT",
        ),
        ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            name="fk_project__template_project_id",
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["repository_id"],
            ["project__repository.id"],
            name="fk_project__template_repository_id",
            ondelete="RESTRICT",
        ),
        ForeignKeyConstraint(
            ["view_id"],
            ["project__view.id"],
            name="fk_project__template_view_id",
            ondelete="SET NULL",
        ),
        PrimaryKeyConstraint("id", name="pk_project__template"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_project__template_build_template_id",
        "project__template",
        ["build_template_id"],
    )
    op.create_index(
        "ix_project__template_environment_id", "project__template", ["environment_id"]
    )
    op.create_index(
        "ix_project__template_inventory_id", "project__template", ["inventory_id"]
    )
    op.create_index(
        "ix_project__template_project_id", "project__template", ["project_id"]
    )
    op.create_index(
        "ix_project__template_repository_id", "project__template", ["repository_id"]
    )
    op.create_index("ix_project__template_view_id", "project__template", ["view_id"])
    op.create_table(
        "project__template_vault",
        Column("id", Integer, autoincrement=True, nullable=False),
        Column("project_id", Integer, nullable=False),
        Column("template_id", Integer, nullable=False),
        Column("vault_key_id", Integer, nullable=False),
        Column("name", Text, nullable=True),
        ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            name="fk_project__template_vault_project_id",
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["template_id"],
            ["project__template.id"],
            name="fk_project__template_vault_template_id",
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["vault_key_id"],
            ["access_key.id"],
            name="fk_project__template_vault_vault_key_id",
            ondelete="RESTRICT",
        ),
        PrimaryKeyConstraint("id", name="pk_project__template_vault"),
        UniqueConstraint(
            "template_id", "name", name="uq_project__template_vault_template_id_name"
        ),
    )
    op.create_index(
        "ix_project__template_vault_project_id",
        "project__template_vault",
        ["project_id"],
    )
    op.create_index(
        "ix_project__template_vault_template_id",
        "project__template_vault",
        ["template_id"],
    )
    op.create_index(
        "ix_project__template_vault_vault_key_id",
        "project__template_vault",
        ["vault_key_id"],
    )
    op.create_table(
        "task",
        Column("id", Integer, autoincrement=True, nullable=False),
        Column("uuid", Text, nullable=False),
        Column("project_id", Integer, nullable=False),
        Column("template_id", Integer, nullable=False),
        Column("status", Text, nullable=False),
        Column("playbook", Text, server_default="", nullable=False),
        Column("environment", Text, server_default="", nullable=False),
        Column("secret", Text, nullable=True),
        Column("arguments", Text, nullable=True),
        Column("hosts_limit", Text, server_default="", nullable=False),
        Column("debug", Integer, server_default="0", nullable=False),
        Column("dry_run", Integer, server_default="0", nullable=False),
        Column("diff", Integer, server_default="0", nullable=False),
        Column("params", Text, server_default="{}", nullable=False),
        Column("git_branch", Text, nullable=True),
        Column("inventory_id", Integer, nullable=True),
        Column("user_id", Integer, nullable=True),
        Column("integration_id", Integer, nullable=True),
        Column("schedule_id", Integer, nullable=True),
        Column("created", Text, nullable=False),
        Column("start", Text, nullable=True),
        Column("end", Text, nullable=True),
        Column("message", Text, server_default="", nullable=False),
        Column("version", Text, nullable=True),
        Column("commit_hash", Text, nullable=True),
        Column("commit_message", Text, server_default="", nullable=False),
        Column("build_task_id", Integer, nullable=True),
        Column("spool_offset", Integer, server_default="0", nullable=False),
        Column("lines", Integer, server_default="0", nullable=False),
        ForeignKeyConstraint(
            ["build_task_id"],
            ["task.id"],
            name="fk_task_build_task_id",
            ondelete="SET NULL",
        ),
        ForeignKeyConstraint(
            ["inventory_id"],
            ["project__inventory.id"],
            name="fk_task_inventory_id",
            ondelete="SET NULL",
        ),
        ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
            name="fk_task_project_id",
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["template_id"],
            ["project__template.id"],
            name="fk_task_template_id",
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["user_id"], ["user.id"], name="fk_task_user_id", ondelete="SET NULL"
        ),
        PrimaryKeyConstraint("id", name="pk_task"),
        UniqueConstraint("uuid", name="uq_task_uuid"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_task_build_task_id", "task", ["build_task_id"])
    op.create_index("ix_task_inventory_id", "task", ["inventory_id"])
    op.create_index("ix_task_project_id", "task", ["project_id"])
    op.create_index("ix_task_project_id_id", "task", ["project_id", "id"])
    op.create_index("ix_task_status", "task", ["status"])
    op.create_index("ix_task_template_id", "task", ["template_id"])
    op.create_index("ix_task_user_id", "task", ["user_id"])
    op.create_table(
        "task__output",
        Column("task_id", Integer, nullable=False),
        Column("first", Integer, nullable=False),
        Column("last", Integer, nullable=False),
        Column("lines", LargeBinary, nullable=False),
        ForeignKeyConstraint(
            ["task_id"], ["task.id"], name="fk_task__output_task_id", ondelete="CASCADE"
        ),
        PrimaryKeyConstraint("task_id", "first", name="pk_task__output"),
        sqlite_with_rowid=False,
    )
