"""The key store: what a key is, and what its secret holds."""

from enum import StrEnum

import msgspec
from typing_extensions import override

from semaphore_twisted.model.ids import EnvironmentId, KeyId, ProjectId
from semaphore_twisted.model.texts import Name, Password, PrivateKey, Secret


class KeyType(StrEnum):
    """Kinds of access keys."""

    NONE = "none"
    SSH = "ssh"
    LOGIN_PASSWORD = "login_password"
    STRING = "string"
    #: own kind: what proves to a server who its client is
    CLIENT_CERTIFICATE = "client_certificate"


class SshFields(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of an SSH key on the wire; always blank in answers."""

    login: Name = ""
    passphrase: Password = ""
    private_key: PrivateKey = ""


class LoginPasswordFields(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a login with password on the wire; always blank in answers."""

    login: Name = ""
    password: Secret = ""


class ClientCertificateFields(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a client certificate on the wire: PEM; never in answers."""

    certificate: PrivateKey = ""
    private_key: PrivateKey = ""
    passphrase: Password = ""


class AccessKey(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """A key of the store, as the API shows it: never with its secret.

    *empty* is sent only when true, since strict clients expect exactly that.
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
    #: what of the stored row cannot be read; absent from a sound one
    fault: str | msgspec.UnsetType = msgspec.UNSET


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is stored; *secret* is a sealed envelope or ``None``."""

    id: KeyId
    uuid: str
    name: str
    type: KeyType
    project_id: ProjectId
    project_uuid: str
    environment_id: EnvironmentId | None
    #: Of a variable group's secret: ``env`` or ``var``.
    owner: str = ""
    secret: str | None


class SshKey(msgspec.Struct, frozen=True, kw_only=True, tag="ssh"):
    """An opened SSH key: the login may be empty, the key is in OpenSSH format."""

    login: str
    private_key: str

    @override
    def __repr__(self) -> str:
        """Say the kind only."""
        return "SshKey(…)"


class LoginPassword(msgspec.Struct, frozen=True, kw_only=True, tag="login_password"):
    """An opened login with password; the login may be empty."""

    login: str
    password: str

    @override
    def __repr__(self) -> str:
        """Say the kind only."""
        return "LoginPassword(…)"


class Text(msgspec.Struct, frozen=True, kw_only=True, tag="string"):
    """An opened text secret."""

    text: str

    @override
    def __repr__(self) -> str:
        """Say the kind only."""
        return "Text(…)"


class NoSecret(msgspec.Struct, frozen=True, kw_only=True, tag="none"):
    """The secret of a key of type none."""


class ClientCertificate(
    msgspec.Struct, frozen=True, kw_only=True, tag="client_certificate"
):
    """An opened client certificate: PEM, leaf first, and its key as PKCS#8."""

    certificate: str
    private_key: str

    @override
    def __repr__(self) -> str:
        """Say the kind only."""
        return "ClientCertificate(…)"


#: What is sealed in ``access_key.secret``, as tagged JSON.
OpenedSecret = SshKey | LoginPassword | Text | NoSecret | ClientCertificate
