// Reads what the dashboard shows: the overview, the newest tasks, and what is older of
// failures and plans to approve.
import { api, data, query } from '@/api/client'
import { TO_APPROVE, uncured } from '@/frame/needs'
import { count, needsApproval, type Overview, type TaskRow } from './overview'

/** Newest tasks that are read at once. */
const TASKS = 60
/** Failures that are older than those, read one by one. */
const OLDER = 10

export interface Dashboard {
  overview: Overview
  tasks: TaskRow[]
  failures: number[]
}

export async function readDashboard(project: number, signal: AbortSignal): Promise<Dashboard> {
  const path = { project_id: project }
  const [overview, tasks] = await Promise.all([
    data(
      api.GET('/project/{project_id}/overview', {
        params: { path, query: { offset: -new Date().getTimezoneOffset() } },
        signal,
      }),
    ),
    data(
      api.GET('/project/{project_id}/tasks/last', {
        params: { path, query: query({ limit: TASKS }) },
        signal,
      }),
    ),
  ])
  const failures = uncured(overview.templates, Date.parse(overview.time))
  const missing = failures.filter((id) => !tasks.some((each) => each.id === id)).slice(0, OLDER)
  const older = await Promise.all(missing.map((id) => readOlder(project, id, signal)))
  const plans = await readPlans(project, overview, tasks, signal)
  const all = [...tasks, ...older.flat(), ...plans]
  return { overview, tasks: all.sort((a, b) => b.id - a.id), failures }
}

/** Return the plans to approve that are not among *tasks*. */
async function readPlans(
  project: number,
  overview: Overview,
  tasks: TaskRow[],
  signal: AbortSignal,
): Promise<TaskRow[]> {
  const known = new Set(tasks.filter(needsApproval).map((each) => each.id))
  if (count(overview.active, TO_APPROVE) <= known.size) return []
  const found = await data(
    api.GET('/project/{project_id}/tasks', {
      params: { path: { project_id: project }, query: query({ status: TO_APPROVE, limit: TASKS }) },
      signal,
    }),
  )
  return found.filter((each) => !known.has(each.id))
}

async function readOlder(project: number, id: number, signal: AbortSignal): Promise<TaskRow[]> {
  const path = { project_id: project }
  return data(
    api.GET('/project/{project_id}/tasks/last', {
      params: { path, query: query({ limit: 1, before: id + 1 }) },
      signal,
    }),
  )
}
