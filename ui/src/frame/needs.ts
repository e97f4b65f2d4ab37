// What needs the user in the project, failures and plans to approve: counted beside "Dashboard" in the rail.
import { watch } from 'vue'
import { api, data, type Schemas } from '@/api/client'
import { frameProject } from '@/api/projects'
import { isFinal } from '@/components/status'
import { useLoad } from '@/live/load'
import { router } from '@/router'
import { counts } from './counts'

const DAY = 86_400_000
/** Days after which a failure needs nobody any more. */
const MEMORY = 7

/** The status of a plan that waits, and those that follow when it does not any more. */
export const TO_APPROVE = 'waiting_confirmation'
const DECIDED = new Set([TO_APPROVE, 'confirmed', 'rejected', 'stopping'])

/**
 * Return the tasks that were the last run of their template and failed, newest first.
 * A rejected plan is no failure: somebody has decided.
 */
export function uncured(templates: Schemas['Overview']['templates'], now: number): number[] {
  return templates
    .map(({ runs }) =>
      runs.find((run) => !run.rejected && (run.status === 'success' || run.status === 'error')),
    )
    .filter((run) => run?.status === 'error' && now - Date.parse(run.created) < MEMORY * DAY)
    .map((run) => run!.id)
    .sort((a, b) => b - a)
}

/** Keep the number current on every page but the dashboard, which counts what it shows. */
export function useNeeds(): void {
  useLoad(count, {
    watch: [frameProject],
    when: (event) =>
      (event.type === 'update' &&
        event.project_id === frameProject.value &&
        (isFinal(event) || DECIDED.has(event.status))) ||
      (event.type === 'change' && event.kind === 'template'),
  })
  watch(frameProject, () => (counts.dashboard = 0))
}

async function count(signal: AbortSignal): Promise<void> {
  const project = frameProject.value
  if (!project || router.currentRoute.value.name === 'dashboard') return
  const params = { path: { project_id: project }, query: {} }
  const overview = await data(api.GET('/project/{project_id}/overview', { params, signal }))
  counts.dashboard =
    uncured(overview.templates, Date.parse(overview.time)).length +
    (overview.active[TO_APPROVE] ?? 0)
}
