"""Integrations (incoming webhooks): how a request from outside starts a task."""

from datetime import datetime
from enum import StrEnum

import msgspec
from typing_extensions import override

from semaphore_twisted.model.documents import JsonObject
from semaphore_twisted.model.ids import (
    AliasId,
    DeliveryId,
    ExtractValueId,
    IntegrationId,
    KeyId,
    MatcherId,
    ProjectId,
    TaskId,
    TemplateId,
)
from semaphore_twisted.model.reprs import redacted

#: The path of the receiving route, before the alias.
RECEIVER = "/api/integrations/"


class AuthMethod(StrEnum):
    """How the sender of a delivery proves itself; the empty text means ``none``."""

    NONE = "none"
    TOKEN = "token"
    BASIC = "basic"
    HMAC = "hmac"
    GITHUB = "github"
    GITLAB = "gitlab"
    BITBUCKET = "bitbucket"

    @property
    def signs(self) -> bool:
        """Whether the sender signs the body instead of sending the secret itself."""
        return self in {AuthMethod.HMAC, AuthMethod.GITHUB, AuthMethod.BITBUCKET}

    @property
    def needs_header(self) -> bool:
        """Whether the integration states the header with the proof."""
        return self in {AuthMethod.TOKEN, AuthMethod.HMAC}


class HashName(StrEnum):
    """The hash function of a signature (HMAC)."""

    SHA256 = "sha256"
    SHA512 = "sha512"


class DeliveryPart(StrEnum):
    """Where a matcher or an extractor looks."""

    BODY = "body"
    HEADER = "header"


class BodyType(StrEnum):
    """How the body is read: as JSON, at a path, or whole."""

    JSON = "json"
    STRING = "string"


class MatchMethod(StrEnum):
    """How a matcher compares."""

    EQUALS = "equals"
    UNEQUALS = "unequals"
    CONTAINS = "contains"


class VariableType(StrEnum):
    """The use of an extracted value: a survey variable, or a setting of the task."""

    ENVIRONMENT = "environment"
    TASK = "task"


class Integration(msgspec.Struct, frozen=True, kw_only=True):
    """An integration, as the API shows it.

    The last three fields are not Semaphore's, and absent unless they are set.
    """

    id: IntegrationId
    name: str
    project_id: ProjectId
    template_id: TemplateId
    auth_method: str
    auth_secret_id: KeyId | None
    auth_header: str
    searchable: bool
    task_params: JsonObject | None
    auth_algorithm: str | msgspec.UnsetType = msgspec.UNSET
    auth_prefix: str | msgspec.UnsetType = msgspec.UNSET
    keep_bodies: bool | msgspec.UnsetType = msgspec.UNSET
    #: the damaged fields of the stored row; absent if there are none
    fault: str | msgspec.UnsetType = msgspec.UNSET


class IntegrationMatcher(msgspec.Struct, frozen=True, kw_only=True):
    """A condition of an integration, as the API shows it."""

    id: MatcherId
    name: str
    integration_id: IntegrationId
    match_type: DeliveryPart
    method: MatchMethod
    body_data_type: str
    key: str
    value: str
    #: the damaged fields of the stored row; absent if there are none
    fault: str | msgspec.UnsetType = msgspec.UNSET

    @override
    def __repr__(self) -> str:
        """Show no values."""
        return redacted(self, "id", "name", "integration_id")


class IntegrationValue(msgspec.Struct, frozen=True, kw_only=True):
    """A value that an integration takes from a delivery, as the API shows it."""

    id: ExtractValueId
    name: str
    integration_id: IntegrationId
    value_source: DeliveryPart
    body_data_type: str
    key: str
    variable: str
    variable_type: VariableType
    #: the damaged fields of the stored row; absent if there are none
    fault: str | msgspec.UnsetType = msgspec.UNSET

    @override
    def __repr__(self) -> str:
        """Show no values."""
        return redacted(self, "id", "name", "integration_id")


class IntegrationAlias(msgspec.Struct, frozen=True, kw_only=True):
    """An address for deliveries.

    A member who may not run tasks sees only the beginning of the alias in *url*.
    """

    id: AliasId
    url: str


class DeliveryOutcome(StrEnum):
    """The result of a delivery for an integration."""

    STARTED = "started"
    #: it would start a task; the answer to a test
    MATCHED = "matched"
    UNMATCHED = "unmatched"
    #: the sender is not authenticated
    UNAUTHENTICATED = "unauthenticated"
    #: the delivery was received before, or is too old
    REPLAYED = "replayed"
    #: the template does not accept the task
    REFUSED = "refused"


class DeliveryResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a delivery for one integration, with the reason in a sentence."""

    integration_id: IntegrationId | None
    integration_name: str
    outcome: DeliveryOutcome
    reason: str
    task_id: TaskId | None


class DeliveryInList(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery in the log of a project.

    *size* is that of its body in bytes; *resendable* says whether the body is kept.
    *resent_of* and *username* are set for a delivery that an account has sent again.
    """

    id: DeliveryId
    received: datetime
    address: str
    method: str
    size: int
    resendable: bool
    resent_of: DeliveryId | None
    username: str | None
    results: tuple[DeliveryResult, ...] = ()


class DeliveryHeader(msgspec.Struct, frozen=True, kw_only=True):
    """A header of a delivery; the name is in lower case, a secret value is ``***``."""

    name: str
    value: str

    @override
    def __repr__(self) -> str:
        """Show no value."""
        return redacted(self, "name")


class Delivery(DeliveryInList, frozen=True, kw_only=True):
    """A delivery with its headers, whose secret values are masked, and its body.

    *body* is null if it is not kept; bytes that are not UTF-8 are replaced.
    """

    headers: tuple[DeliveryHeader, ...]
    body: str | None

    @override
    def __repr__(self) -> str:
        """Show no headers and no body."""
        return redacted(self, "id")


class IntegrationTest(msgspec.Struct, frozen=True, kw_only=True):
    """The result that a delivery would have; nothing is started or stored.

    *environment* has the values of survey variables, *task* those of settings.
    """

    outcome: DeliveryOutcome
    reason: str
    environment: dict[str, str]
    task: dict[str, str]

    @override
    def __repr__(self) -> str:
        """Show no values."""
        return redacted(self, "outcome")
