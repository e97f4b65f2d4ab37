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
ScheduleId = NewType("ScheduleId", int)
