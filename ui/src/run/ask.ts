// Asks for a run of a template: opens the dialog with its survey.
import { shallowRef } from 'vue'
import type { Schemas } from '@/api/client'

export interface RunWish {
  project: number
  /** the number of the template */
  template: number
  /** a task that is repeated: its answers and options are filled in */
  from?: Schemas['Task']
  /** the number of the inventory that this task used */
  inventory?: number
  /** only these hosts */
  limit?: string[]
}

/** What the dialog is open for; null while it is closed. */
export const wish = shallowRef<RunWish | null>(null)

/** Open the dialog. */
export function askRun(wanted: RunWish): void {
  wish.value = wanted
}
