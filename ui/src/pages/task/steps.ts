// The steps of a task, such as checkout and playbook.
import type { Mark } from '@/components/status'

export interface Step {
  key: string
  label: string
  mark: Mark
  /** milliseconds since 1970; no end while it runs */
  start: number
  end: number | undefined
  /** its first line in the log; 0 if it has none */
  line: number
  /** whether it is still to come */
  ahead?: boolean
}
