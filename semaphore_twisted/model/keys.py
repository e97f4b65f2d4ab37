"""The key store: access keys and the types of their secrets."""

from enum import StrEnum

import msgspec
from typing_extensions import override

from semaphore_twisted.model.ids import EnvironmentId, KeyId, ProjectId
from semaphore_twisted.model.reprs import redacted
from semaphore_twisted.model.texts import Name, Password, PrivateKey, Secret


class KeyType(StrEnum):
    """Types of access keys."""

    NONE = "none"
    SSH = "ssh"
    LOGIN_PASSWORD = "login_password"
    STRING = "string"
    #: a client certificate for mutual TLS; not a type of Semaphore's
    CLIENT_CERTIFICATE = "client_certificate"


class KeyUse(StrEnum):
    """Kinds of jobs that receive keys."""

    RUN = "run"
    CHECK = "check"


class KeyKind(StrEnum):
    """Kinds of SSH keys."""

    ED25519 = "ed25519"
    ECDSA = "ecdsa"
    RSA = "rsa"


class SshFields(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of an SSH key in the API; always empty in answers."""

    login: Name = ""
    passphrase: Password = ""
    private_key: PrivateKey = ""

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self)


class LoginPasswordFields(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a login with password in the API; always empty in answers."""

    login: Name = ""
    password: Secret = ""

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self)


class ClientCertificateFields(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a client certificate in the API (PEM); never in answers."""

    certificate: PrivateKey = ""
    private_key: PrivateKey = ""
    passphrase: Password = ""

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self)


class AccessKey(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """An access key as the API shows it: never with its secret.

    *empty* is sent only if true; strict clients rely on that.
    """

    id: KeyId
    name: str
    type: KeyType
    project_id: ProjectId | None
    string: str = ""
    override_secret: bool = False
    login_password: LoginPasswordFields = LoginPasswordFields()
    ssh: SshFields = SshFields()
    empty: bool | msgspec.UnsetType = msgspec.UNSET
    #: the damaged fields of the stored row; absent if there are none
    fault: str | msgspec.UnsetType = msgspec.UNSET

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self, "id", "name", "type")


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """An access key as it is stored; *secret* is a sealed envelope or ``None``."""

    id: KeyId
    uuid: str
    name: str
    type: KeyType
    project_id: ProjectId
    project_uuid: str
    environment_id: EnvironmentId | None
    #: for the secret of a variable group: ``env`` or ``var``
    owner: str = ""
    secret: str | None


class SshKey(msgspec.Struct, frozen=True, kw_only=True, tag="ssh"):
    """A decrypted SSH key in OpenSSH format; the login may be empty."""

    login: str
    private_key: str

    @override
    def __repr__(self) -> str:
        """Show only the type."""
        return "SshKey(…)"


class LoginPassword(msgspec.Struct, frozen=True, kw_only=True, tag="login_password"):
    """A decrypted login with password; the login may be empty."""

    login: str
    password: str

    @override
    def __repr__(self) -> str:
        """Show only the type."""
        return "LoginPassword(…)"


class Text(msgspec.Struct, frozen=True, kw_only=True, tag="string"):
    """A decrypted text secret."""

    text: str

    @override
    def __repr__(self) -> str:
        """Show only the type."""
        return "Text(…)"


class NoSecret(msgspec.Struct, frozen=True, kw_only=True, tag="none"):
    """The secret of a key of type none."""


class ClientCertificate(
    msgspec.Struct, frozen=True, kw_only=True, tag="client_certificate"
):
    """A decrypted client certificate: PEM, leaf first, and its key as PKCS#8."""

    certificate: str
    private_key: str

    @override
    def __repr__(self) -> str:
        """Show only the type."""
        return "ClientCertificate(…)"


#: The content of ``access_key.secret`` before encryption, as tagged JSON.
OpenedSecret = SshKey | LoginPassword | Text | NoSecret | ClientCertificate


class CheckedSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A secret that was checked; *public_key* is the public half of an SSH key."""

    secret: OpenedSecret
    public_key: str | None = None

    @override
    def __repr__(self) -> str:
        """Show no secrets."""
        return redacted(self, "public_key")
