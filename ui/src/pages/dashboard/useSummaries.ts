// Reads the summaries of the tasks that the dashboard shows.
import { onScopeDispose, watch } from 'vue'
import { api, data } from '@/api/client'
import { on } from '@/live/bus'
import type { TaskRow } from './overview'
import { Summaries, type Summary } from './summaries'

/** Return what is known of *shown*, the tasks on the page, by their numbers. */
export function useSummaries(project: number, shown: () => TaskRow[]): Map<number, Summary> {
  const aborting = new AbortController()
  const summaries = new Summaries((task) =>
    data(
      api.GET('/project/{project_id}/tasks/{task_id}/summary', {
        params: { path: { project_id: project, task_id: task } },
        signal: aborting.signal,
      }),
    ),
  )
  on('progress', (event) => event.project_id === project && summaries.receive(event))
  on('refresh', () => summaries.forget())
  watch(shown, (tasks) => summaries.want(tasks), { immediate: true })
  onScopeDispose(() => {
    summaries.close()
    aborting.abort()
  })
  return summaries.known
}
