// The integrations of the project in the address, as a list that stays current.
import { computed } from 'vue'
import { api, data } from '@/api/client'
import { projectId } from '@/api/projects'
import { useLoad } from '@/live/load'
import type { Integration } from './integrations'

export interface IntegrationRow extends Integration {
  /** the name of its template */
  template: string
}

/** Load the integrations, and the names of their templates. */
export function useIntegrations() {
  const path = { project_id: projectId.value }
  const params = { path }
  const loaded = useLoad(
    (signal) =>
      Promise.all([
        data(api.GET('/project/{project_id}/integrations', { params, signal })),
        data(api.GET('/project/{project_id}/templates', { params, signal })),
      ]),
    {
      when: (event) =>
        event.type === 'change' &&
        event.project_id === path.project_id &&
        ['integration', 'template'].includes(event.kind),
    },
  )
  const integrations = computed<IntegrationRow[] | undefined>(() => {
    if (!loaded.data.value) return undefined
    const [listed, templates] = loaded.data.value
    const names = new Map(templates.map((each) => [each.id, each.name]))
    return listed.map((each) => ({ ...each, template: names.get(each.template_id) ?? '' }))
  })
  return { integrations, error: loaded.error, reload: loaded.reload, path }
}
