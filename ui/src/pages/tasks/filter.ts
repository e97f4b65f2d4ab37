// The filter of the task history, as it is in the address and as the API takes it.

/** Tasks of one part of the list. */
export const PART = 50

/** The choices of a status, each with the statuses of the API. */
export const STATUSES = {
  running: 'starting,running,stopping,confirmed',
  waiting: 'waiting',
  waiting_confirmation: 'waiting_confirmation',
  success: 'success',
  error: 'error',
  stopped: 'stopped,rejected',
} as const

export type StatusChoice = keyof typeof STATUSES

/** Texts of the address; an empty one does not filter. */
export interface Filter {
  search: string
  status: string
  template: string
  user: string
  /** the first and the last day, such as 2026-03-01, in the reader's zone */
  from: string
  to: string
  before: string
}

export interface TaskQuery {
  search?: string
  status?: string
  template_id?: number
  user_id?: number
  from?: string
  to?: string
  before?: number
  limit: number
}

/** The beginning of *day* in the reader's zone, or of one *later* days after it. */
function beginning(day: string, later = 0): string | undefined {
  const parts = /^(\d{4})-(\d\d)-(\d\d)$/.exec(day)?.slice(1).map(Number)
  if (!parts) return undefined
  const [year, month, date] = parts as [number, number, number]
  return new Date(year, month - 1, date + later).toISOString()
}

function numeric(text: string): number | undefined {
  return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined
}

/** Return the query of the API; one task more than a part says whether there are older ones. */
export function taskQuery(filter: Filter): TaskQuery {
  return {
    search: filter.search.trim() || undefined,
    status: Object.hasOwn(STATUSES, filter.status)
      ? STATUSES[filter.status as StatusChoice]
      : undefined,
    template_id: numeric(filter.template),
    user_id: numeric(filter.user),
    from: beginning(filter.from),
    to: beginning(filter.to, 1),
    before: numeric(filter.before),
    limit: PART + 1,
  }
}
