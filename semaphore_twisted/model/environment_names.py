"""Variables of the environment from which programs take more than data.

A task runner writes the value of an answer. A loader, shell, interpreter or tool takes
from these variables a program, a library, an option, a file of settings, a server or
whether it verifies one; so an answer never has such a name. The list has the variables
that the manuals of common programs name, and those that this server sets for a job.
"""

import re

#: The loader, the C library, the shells, and what many programs read.
_SYSTEM = (
    r"(LD|DYLD|GLIBC|MALLOC|XDG|DBUS)_\w*|GCONV_PATH|LOCPATH|NLSPATH|TEXTDOMAINDIR"
    r"|TZDIR|TERMINFO\w*|TERMCAP|HOSTALIASES|LOCALDOMAIN|RES_OPTIONS|RESOLV_\w*"
    r"|GETCONF_DIR|KRB5\w*|GNUPGHOME|BASH(_ENV|OPTS|_XTRACEFD|_LOADABLES_PATH|_FUNC\w*)"
    r"|SHELL(OPTS)?|ENV|IFS|PS[0-4]|ZDOTDIR|FPATH|INPUTRC|PATH|CDPATH|HOME|TMPDIR"
    r"|PROMPT_COMMAND|[A-Z]{0,12}_?(EDITOR|PAGER|ASKPASS(_REQUIRE)?)|VISUAL"
    r"|((GH|GIT)_)?BROWSER|LESS\w*|(VIM|EX)INIT"
)
#: Variables that the server sets: marks and pipes of a job.
_OWN = r"SEMAPHORE_TASK\w*|JOB_(MARK|\w*PIPE)"
#: Connections: TLS, proxies, SSH, transfers, directories and databases.
_CONNECTIONS = (
    r"OPENSSL_\w*|SSL_CERT_(FILE|DIR)|SSLKEYLOGFILE|GNUTLS_\w*|REQUESTS_CA_BUNDLE"
    r"|SSH_(AUTH_SOCK|SK_\w*|PKCS11_HELPER)|CURL_\w*|WGETRC|NETRC"
    r"|RSYNC_(RSH|CONNECT_PROG|PROXY)|(SVN|CVS)_(SSH|RSH|SERVER)|SUDO_\w*"
    r"|LDAP(CONF|RC|NOINIT|TLS_\w*)|PG(SERVICEFILE|SYSCONFDIR|PASSFILE|OPTIONS|SSL\w*)"
    r"|LIBMYSQL_\w*|ODBC(SYS)?INI|TNS_ADMIN"
    # these are read in both cases
    r"|(?i:(HTTPS?|FTP|ALL|NO)_PROXY|NPM_CONFIG_\w*)"
)
#: git; names such as GIT_COMMIT and GIT_AUTHOR_NAME are data.
_GIT = (
    r"GIT_(SSH|EXEC|CONFIG|EXTERNAL|SEQUENCE|PROXY|TEMPLATE|DIR|WORK_TREE|ALLOW|TRACE"
    r"|OBJECT|INDEX|COMMON|NAMESPACE|SSL|ALTERNATE|CEILING|TEXTDOMAINDIR|ATTR_SOURCE"
    r"|SHALLOW_FILE|GRAFT_FILE|REPLACE_REF_BASE|CURL_VERBOSE|TERMINAL_PROMPT|LFS)\w*"
)
#: Interpreters, compilers and their tools for packages and builds.
_LANGUAGES = (
    r"NODE_(OPTIONS|PATH|EXTRA_CA_CERTS|TLS_\w*|V8_COVERAGE|ICU_DATA|COMPILE_CACHE"
    r"|REDIRECT_WARNINGS|REPL\w*)"
    r"|PERL5\w*|PERL(LIB|_UNICODE|IO\w*)|RUBY(OPT|LIB|SHELL)|(GEM|BUNDLE)_\w*"
    r"|(GNU)?MAKEFLAGS|MAKEFILES|MFLAGS|(TAR|GREP)_OPTIONS|(UN)?ZIPOPT"
    r"|_?JAVA\w*_OPTIONS|JDK_JAVA_OPTIONS|JAVA_(HOME|OPTS)|CLASSPATH|M2_HOME"
    r"|(MAVEN|GRADLE|ANT|SBT|CATALINA|GROOVY|SCALA)_(OPTS|HOME|ARGS|CONFIG)"
    r"|GO(FLAGS|ENV|PROXY|PATH|ROOT|TOOLDIR|BIN|SUMDB|NOSUMDB|NOSUMCHECK|INSECURE|AUTH"
    r"|VCS|TOOLCHAIN|DEBUG)|CGO_\w*|(CARGO|RUSTC|RUSTUP)_\w*|RUSTFLAGS"
    r"|LUA_(INIT|PATH|CPATH)\w*|R_(PROFILE|ENVIRON|LIBS)\w*|PHPRC|PHP_INI_SCAN_DIR"
    r"|TCLLIBPATH|AWK(LIB)?PATH|NIX_\w*|VIRTUAL_ENV|(PIP|YARN|UV|CONDA|PYENV|PIPENV)_\w*"
    r"|(POETRY|COMPOSER|DENO|BUN|ERL|ELIXIR|JULIA|GUILE|OCAML|CAML)_\w*|PYTEST_(ADDOPTS|PLUGINS)"
    r"|CC|CXX|(C|CPP|CXX|LD)FLAGS|GCC_EXEC_PREFIX|COMPILER_PATH|LIBRARY_PATH"
    r"|PKG_CONFIG\w*|APT_CONFIG|DEBCONF_\w*|RPM_CONFIGDIR"
)
#: Tools of infrastructure. A password or a token for them is data, and so are
#: Terraform's own variables TF_VAR_NAME.
_INFRASTRUCTURE = (
    r"(ANSIBLE_|PYTHON|PULUMI_)"
    r"(?!\w*(PASSWORD|PASS|PASSPHRASE|TOKEN|SECRET|KEY)$)\w*"
    r"|TF_(?!VAR_)\w*|(TG|TERRAGRUNT|TERRAFORM|OPENTOFU)_\w*"
    r"|(KUBE|DOCKER_|CONTAINERS_|BUILDKIT_)\w*|CONTAINER_(HOST|SSHKEY|PROXY)"
    r"|COMPOSE_(FILE|ENV_FILES)|REGISTRY_AUTH_FILE"
    r"|HELM_(PLUGINS|\w+_HOME|(REPOSITORY|REGISTRY|DRIVER|KUBE)\w*)"
    r"|(DOTNET|CORECLR|COMPLUS|POWERSHELL)_\w*|PSModulePath"
    r"|AWS_(CONFIG_FILE|SHARED_CREDENTIALS_FILE|CA_BUNDLE|ENDPOINT_URL|DATA_PATH"
    r"|EC2_METADATA|CONTAINER)\w*|BOTO_(CONFIG|PATH)|CLOUDSDK_\w*"
    r"|AZURE_(CONFIG|EXTENSION)_DIR"
)
_POWERS = re.compile(
    "|".join((_SYSTEM, _OWN, _CONNECTIONS, _GIT, _LANGUAGES, _INFRASTRUCTURE))
)


def has_power(name: str) -> bool:
    """Return whether a program takes more than data from the variable *name*."""
    return _POWERS.fullmatch(name) is not None
