// Reads what the dashboard shows: the overview, the newest tasks, and older failures.
import { api, data, query } from '@/api/client'
import { uncured } from '@/frame/needs'
import type { Overview, TaskRow } from './overview'

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
  return { overview, tasks: [...tasks, ...older.flat()], failures }
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
