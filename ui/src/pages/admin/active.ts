// A task that has not ended, of any project.
import type { Schemas } from '@/api/client'

export type ActiveTask = Schemas['ActiveTask']
