"""Every option by name: Semaphore's options, and a few that only this program has.

*Served* options have an effect. Setting any other known option causes a warning.
"""

from collections.abc import Iterator

from semaphore_twisted.config.option import Option, OptionKind
from semaphore_twisted.config.served import SERVED

_COOKIES = "sessions are kept in the store, so cookies need no key"
_EVERY_TASK = "every task has a private folder under the state directory"

#: Known options that have no effect here, each with a reason.
_PECULIAR = (
    Option(path="cookie_hash", variable="COOKIE_HASH", secret=True, remark=_COOKIES),
    Option(
        path="cookie_encryption",
        variable="COOKIE_ENCRYPTION",
        secret=True,
        remark=_COOKIES,
    ),
    Option(path="dirs.secrets", variable="SECRETS_PATH", remark=_EVERY_TASK),
    Option(path="dirs.repos", variable="REPOS_DIR", remark=_EVERY_TASK),
    Option(
        path="dirs.ssh_agent_sockets",
        variable="SSH_AGENT_SOCKETS_DIR",
        remark=_EVERY_TASK,
    ),
    Option(path="home_dir_mode", variable="HOME_DIR_MODE", remark=_EVERY_TASK),
)

#: Known options that are planned: PATH, then VARIABLE if it has one. ``!`` marks a
#: secret, ``?`` a boolean, ``#`` a number, ``*`` any type.
_LATER = """
apps* APPS
use_remote_runner? USE_REMOTE_RUNNER
runner_registration_token! RUNNER_REGISTRATION_TOKEN
runners.registration_token!
runners.offline_timeout_sec# RUNNERS_OFFLINE_TIMEOUT_SEC
runners.task_fail_timeout_sec# RUNNERS_TASK_FAIL_TIMEOUT_SEC
runners.reconcile_interval_sec# RUNNERS_RECONCILE_INTERVAL_SEC
runners.default_global_runners_mode RUNNERS_DEFAULT_GLOBAL_RUNNERS_MODE
sqlite.name DB_NAME
sqlite.user DB_USER
sqlite.pass! DB_PASS
sqlite.options* DB_OPTIONS
mysql.host
mysql.user
mysql.pass!
mysql.name
mysql.options*
postgres.host
postgres.user
postgres.pass!
postgres.name
postgres.options*
bolt.host
bolt.user
bolt.pass!
bolt.name
bolt.options*
option_encryption! OPTION_ENCRYPTION
encryption.keys_file ENCRYPTION_KEYS_FILE
encryption.keys_poll_interval ENCRYPTION_KEYS_POLL_INTERVAL
mfa.totp.enabled? TOTP_ENABLED
mfa.totp.app_name TOTP_ISSUER
mfa.totp.allow_recovery? TOTP_ALLOW_RECOVERY
auth.totp.enabled?
auth.totp.app_name
auth.totp.allow_recovery?
mfa.email.enabled? EMAIL_2TP_ENABLED
mfa.email.allow_login_as_external_user? EMAIL_2TP_ALLOW_LOGIN_AS_EXTERNAL_USER
mfa.email.allow_create_external_user? EMAIL_2TP_ALLOW_CREATE_EXTERNAL_USER
mfa.email.allowed_domains* EMAIL_2TP_ALLOWED_DOMAINS
mfa.email.disable_for_oidc? EMAIL_2TP_DISABLE_FOR_OIDC
external_auth_email_matching EXTERNAL_AUTH_EMAIL_MATCHING
ldap_enable? LDAP_ENABLE
ldap_needtls? LDAP_NEEDTLS
ldap_server LDAP_SERVER
ldap_binddn LDAP_BIND_DN
ldap_bindpassword! LDAP_BIND_PASSWORD
ldap_searchdn LDAP_SEARCH_DN
ldap_searchfilter LDAP_SEARCH_FILTER
ldap_mappings.dn LDAP_MAPPING_DN
ldap_mappings.mail LDAP_MAPPING_MAIL
ldap_mappings.uid LDAP_MAPPING_UID
ldap_mappings.cn LDAP_MAPPING_CN
ldap_tls_skip_verify? LDAP_TLS_SKIP_VERIFY
ldap_providers*! LDAP_PROVIDERS
oidc_providers*! OIDC_PROVIDERS
email_alert? EMAIL_ALERT
email_sender EMAIL_SENDER
email_host EMAIL_HOST
email_port* EMAIL_PORT
email_username EMAIL_USERNAME
email_password! EMAIL_PASSWORD
email_secure? EMAIL_SECURE
email_tls? EMAIL_TLS
email_tls_min_version EMAIL_TLS_MIN_VERSION
telegram_alert? TELEGRAM_ALERT
telegram_chat TELEGRAM_CHAT
telegram_token! TELEGRAM_TOKEN
slack_alert? SLACK_ALERT
slack_url! SLACK_URL
rocketchat_alert? ROCKETCHAT_ALERT
rocketchat_url! ROCKETCHAT_URL
microsoft_teams_alert? MICROSOFT_TEAMS_ALERT
microsoft_teams_url! MICROSOFT_TEAMS_URL
dingtalk_alert? DINGTALK_ALERT
dingtalk_url! DINGTALK_URL
gotify_alert? GOTIFY_ALERT
gotify_url GOTIFY_URL
gotify_token! GOTIFY_TOKEN
runner.token_file RUNNER_TOKEN_FILE
runner.token! RUNNER_TOKEN
runner.registration_token!
runner.registration_token_file RUNNER_REGISTRATION_TOKEN_FILE
runner.private_key_file RUNNER_PRIVATE_KEY_FILE
runner.one_off? RUNNER_ONE_OFF
runner.enabled? RUNNER_ENABLED
runner.webhook RUNNER_WEBHOOK
runner.name RUNNER_NAME
runner.tags* RUNNER_TAGS
runner.max_parallel_tasks# RUNNER_MAX_PARALLEL_TASKS
runner.project_id# RUNNER_PROJECT_ID
runner.connection.server_ca_cert_file RUNNER_SERVER_CA_CERT_FILE
runner.connection.skip_tls_verify? RUNNER_SKIP_TLS_VERIFY
runner.executor.type RUNNER_EXECUTOR_TYPE
runner.executor.k8s.kubeconfig RUNNER_K8S_KUBECONFIG
runner.executor.k8s.namespace RUNNER_K8S_NAMESPACE
runner.executor.k8s.image RUNNER_K8S_IMAGE
runner.executor.k8s.helper_image RUNNER_K8S_HELPER_IMAGE
runner.executor.k8s.service_account RUNNER_K8S_SERVICE_ACCOUNT
runner.executor.k8s.pull_secrets* RUNNER_K8S_PULL_SECRETS
runner.executor.k8s.poll_interval_seconds# RUNNER_K8S_POLL_INTERVAL_SECONDS
runner.executor.k8s.cleanup_grace_seconds# RUNNER_K8S_CLEANUP_GRACE_SECONDS
runner.executor.docker.host RUNNER_DOCKER_HOST
runner.executor.docker.tls_verify? RUNNER_DOCKER_TLS_VERIFY
runner.executor.docker.cert_path RUNNER_DOCKER_CERT_PATH
runner.executor.docker.image RUNNER_DOCKER_IMAGE
runner.executor.docker.helper_image RUNNER_DOCKER_HELPER_IMAGE
runner.executor.docker.network RUNNER_DOCKER_NETWORK
runner.executor.docker.pull_policy RUNNER_DOCKER_PULL_POLICY
runner.executor.docker.cpu_limit* RUNNER_DOCKER_CPU_LIMIT
runner.executor.docker.memory_limit* RUNNER_DOCKER_MEMORY_LIMIT
runner.executor.docker.poll_interval_seconds# RUNNER_DOCKER_POLL_INTERVAL_SECONDS
runner.executor.docker.cleanup_grace_seconds# RUNNER_DOCKER_CLEANUP_GRACE_SECONDS
runner.executor.docker.privileged? RUNNER_DOCKER_PRIVILEGED
teams.invites_enabled? TEAMS_INVITES_ENABLED
teams.invite_type TEAMS_INVITE_TYPE
teams.members_can_leave? TEAMS_MEMBERS_CAN_LEAVE
jwt.enabled? JWT_ENABLED
jwt.issuer JWT_ISSUER
jwt.default_ttl JWT_DEFAULT_TTL
jwt.max_ttl JWT_MAX_TTL
process.chroot PROCESS_CHROOT
process.no_new_privs? PROCESS_NO_NEW_PRIVS
log.events.enabled? EVENT_LOG_ENABLED
log.events.format EVENT_LOG_FORMAT
log.events.logger* EVENT_LOGGER
log.tasks.enabled? TASK_LOG_ENABLED
log.tasks.format TASK_LOG_FORMAT
log.tasks.logger* TASK_LOGGER
log.tasks.result_logger* TASK_RESULT_LOGGER
log.audit_webhook.enabled? AUDIT_WEBHOOK_ENABLED
log.audit_webhook.url! AUDIT_WEBHOOK_URL
log.audit_webhook.format AUDIT_WEBHOOK_FORMAT
log.audit_webhook.headers*! AUDIT_WEBHOOK_HEADERS
syslog.enabled? SYSLOG_ENABLED
syslog.network SYSLOG_NETWORK
syslog.address SYSLOG_ADDRESS
syslog.tag SYSLOG_TAG
syslog.format SYSLOG_FORMAT
ha.enabled? HA_ENABLED
ha.node_id HA_NODE_ID
ha.redis.addr HA_REDIS_ADDR
ha.redis.db# HA_REDIS_DB
ha.redis.user HA_REDIS_USER
ha.redis.pass! HA_REDIS_PASS
ha.redis.tls? HA_REDIS_TLS
ha.redis.tls_skip_verify? HA_REDIS_TLS_SKIP_VERIFY
subscription.key! SUBSCRIPTION_KEY
subscription.key_file SUBSCRIPTION_KEY_FILE
subscription.server_url SUBSCRIPTION_SERVER_URL
debugging.api_delay API_DELAY
debugging.pprof_dump_dir PPROF_DUMP_DIR
"""

_MARKS = {"?": OptionKind.FLAG, "#": OptionKind.NUMBER, "*": OptionKind.OTHER}


def _later() -> Iterator[Option]:
    for line in _LATER.split("\n"):
        name, _, variable = line.partition(" ")
        path = name.rstrip("?#*!")
        if path:
            marks = name[len(path) :]
            kind = next(
                (_MARKS[mark] for mark in marks if mark in _MARKS), OptionKind.TEXT
            )
            yield Option(
                path=path, variable=variable or None, kind=kind, secret="!" in marks
            )


#: Every known option by its path.
OPTIONS: dict[str, Option] = {
    option.path: option for option in (*SERVED, *_PECULIAR, *_later())
}

#: Every known option by its environment variable (without ``SEMAPHORE_``).
VARIABLES: dict[str, Option] = {
    option.variable: option for option in OPTIONS.values() if option.variable
}
VARIABLES["DB_PATH"] = OPTIONS["sqlite.host"]
VARIABLES["DB"] = OPTIONS["sqlite.name"]
VARIABLES["EVENT_LOG_LOGGER"] = OPTIONS["log.events.logger"]
VARIABLES["LDAP_PASSWORD"] = OPTIONS["ldap_bindpassword"]

#: Variables that are not options: paths, and the first account.
OTHER_VARIABLES = frozenset(
    {
        "CONFIG_PATH",
        "STATE_PATH",
        "ADMIN",
        "ADMIN_PASSWORD",
        "ADMIN_NAME",
        "ADMIN_EMAIL",
        "LOG_LEVEL",
        "LOG_FORMAT",
        "TESTS_SOAK",
        "URL",  # used by the command-line client, as the two below
        "TOKEN",
        "CA",
        "DB_PORT",
        "LDAP_ACTIVATED",
        "LDAP_HOST",
        "LDAP_PORT",
        "LDAP_DN_BIND",
        "LDAP_DN_SEARCH",
        "LDAP_MAPPING_USERNAME",
        "LDAP_MAPPING_FULLNAME",
        "LDAP_MAPPING_EMAIL",
        "MIGRATE_FROM_BOLTDB",
    }
)
