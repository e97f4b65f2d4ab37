// Runs of the user that have not ended: their ends are found while the websocket is down.
import { onScopeDispose, watch } from 'vue'
import { api, ApiError, data, query, type Schemas } from '@/api/client'
import { frameProject, projects } from '@/api/projects'
import { user } from '@/api/session'
import { isFinal } from '@/components/status'
import { on } from './bus'
import { state } from './socket'

/** Milliseconds between two looks at the runs. */
const PAUSE = 5_000
/** Runs that are remembered, and those of them that are read in one look. */
const MOST = 500
const AT_ONCE = 50
/** Projects whose runs are listed when the websocket is lost. */
const PROJECTS = 50
const ACTIVE = 'waiting,starting,waiting_confirmation,confirmed,running,stopping'

type Task = Schemas['Task']

/** Call *ended* once for each run of the user that ends while the websocket is down, as long
 * as it is *wanted*. */
export function useWatchedRuns(ended: (task: Task) => void, wanted: () => boolean): void {
  /** projects by the numbers of tasks; whose runs they are is not known yet */
  const runs = new Map<number, number>()
  const listed = new Set<number>()
  let timer: ReturnType<typeof setInterval> | undefined
  let looking = false

  function remember(task: number, project: number): void {
    runs.set(task, project)
    if (runs.size > MOST) runs.delete(runs.keys().next().value!)
  }
  on('update', (event) => {
    if (isFinal(event)) runs.delete(event.task_id)
    else remember(event.task_id, event.project_id)
  })

  async function list(project: number): Promise<void> {
    const filter = query({ user_id: user.value!.id, status: ACTIVE, limit: AT_ONCE })
    const params = { path: { project_id: project }, query: filter }
    const found = await data(api.GET('/project/{project_id}/tasks', { params }))
    listed.add(project)
    for (const each of found) remember(each.id, project)
  }

  async function read(task: number, project: number): Promise<void> {
    const path = { project_id: project, task_id: task }
    try {
      const params = { path }
      const found = await data(api.GET('/project/{project_id}/tasks/{task_id}', { params }))
      const isMine = found.user_id === user.value?.id
      if (!isMine || isFinal(found)) runs.delete(task)
      if (isMine && isFinal(found)) ended(found)
    } catch (error) {
      if (!(error instanceof ApiError) || ![403, 404].includes(error.status)) throw error
      runs.delete(task)
    }
  }

  async function look(): Promise<void> {
    if (looking || !wanted() || !user.value) return
    looking = true
    try {
      const before = [...runs].slice(0, AT_ONCE)
      for (const [task, project] of before) await read(task, project)
      const all = projects.value?.slice(0, PROJECTS).map((each) => each.id) ?? []
      const missing = all.filter((each) => !listed.has(each))
      for (const each of missing) await list(each)
      const { value: own } = frameProject
      if (own && !missing.includes(own)) await list(own) // a run may begin here meanwhile
    } catch (error) {
      if (!(error instanceof ApiError)) throw error // the server does not answer: next time
    } finally {
      looking = false
    }
  }

  watch(state, (now, before) => {
    if (now === 'live') {
      clearInterval(timer)
      timer = undefined
      listed.clear()
      if (before !== 'live') void look() // messages may have been missed
    } else if (now !== 'connecting') timer ??= setInterval(() => void look(), PAUSE)
  })
  onScopeDispose(() => clearInterval(timer))
}
