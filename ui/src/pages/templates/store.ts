// The templates of the project in the address, as a list that stays current.
import { computed } from 'vue'
import { api, data } from '@/api/client'
import { projectId } from '@/api/projects'
import { useApps } from '@/components/appState'
import { on, type Event } from '@/live/bus'
import { useLoad } from '@/live/load'
import { isPinned } from './pins'
import type { TemplateRow } from './templates'

const KINDS = ['template', 'inventory', 'view', 'project']

/** Days in which a template must have run for its last runs to be shown. */
const DAYS = 366

export function useTemplates() {
  const project = projectId.value
  const path = { project_id: project }
  const params = { path }
  const mine = (event: Event) =>
    'project_id' in event &&
    event.project_id === project &&
    (event.type === 'update' || (event.type === 'change' && KINDS.includes(event.kind)))
  const loaded = useLoad(
    (signal) =>
      Promise.all([
        data(api.GET('/project/{project_id}/templates', { params, signal })),
        data(api.GET('/project/{project_id}/views', { params, signal })),
        data(api.GET('/project/{project_id}/inventory', { params, signal })),
        data(
          api.GET('/project/{project_id}/overview', {
            params: { path, query: { days: DAYS } },
            signal,
          }),
        ),
      ]),
    { when: mine },
  )
  useApps() // a detail: the list does not wait for it
  // the state of a run changes at once, its figures with the next answer
  on('update', (event) => {
    if (!loaded.data.value) return
    const [templates, ...rest] = loaded.data.value
    const next = templates.map((each) => {
      const task = each.last_task
      if (task?.id !== event.task_id) return each
      const status = event.status as typeof task.status
      return { ...each, last_task: { ...task, status, start: event.start, end: event.end } }
    })
    loaded.data.value = [next, ...rest]
  })
  const rows = computed<TemplateRow[] | undefined>(() => {
    if (!loaded.data.value) return undefined
    const [templates, , inventories, overview] = loaded.data.value
    const names = new Map(inventories.map((each) => [each.id, each.name]))
    const statistics = new Map(overview.templates.map((each) => [each.template_id, each]))
    return templates.map((each) => ({
      ...each,
      inventory: names.get(each.inventory_id ?? 0) ?? '',
      statistics: statistics.get(each.id),
      pinned: isPinned(project, each.id),
    }))
  })
  const views = computed(() => loaded.data.value?.[1] ?? [])
  return { project, rows, views, error: loaded.error, reload: loaded.reload }
}
