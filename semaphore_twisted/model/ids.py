"""Types of row ids: integers, as Semaphore's clients expect."""

from typing import NewType

UserId = NewType("UserId", int)
ProjectId = NewType("ProjectId", int)
KeyId = NewType("KeyId", int)
RepositoryId = NewType("RepositoryId", int)
InventoryId = NewType("InventoryId", int)
EnvironmentId = NewType("EnvironmentId", int)
TemplateId = NewType("TemplateId", int)
ViewId = NewType("ViewId", int)
TaskId = NewType("TaskId", int)
IntegrationId = NewType("IntegrationId", int)
MatcherId = NewType("MatcherId", int)
ExtractValueId = NewType("ExtractValueId", int)
AliasId = NewType("AliasId", int)
DeliveryId = NewType("DeliveryId", int)
ScheduleId = NewType("ScheduleId", int)
StateId = NewType("StateId", int)
