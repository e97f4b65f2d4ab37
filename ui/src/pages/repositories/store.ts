// The repositories of the project in the address, as a list that stays current.
import { computed } from 'vue'
import { api, data } from '@/api/client'
import { ifManager, projectId } from '@/api/projects'
import { useLoad } from '@/live/load'
import { rows } from './repositories'

const KINDS = ['repository', 'key', 'template', 'inventory']

/** Load the repositories, the keys, and who uses them. */
export function useRepositories() {
  const path = { project_id: projectId.value }
  const params = { path }
  const loaded = useLoad(
    (signal) =>
      Promise.all([
        data(api.GET('/project/{project_id}/repositories', { params, signal })),
        ifManager(() => data(api.GET('/project/{project_id}/keys', { params, signal })), []),
        data(api.GET('/project/{project_id}/templates', { params, signal })),
        data(api.GET('/project/{project_id}/inventory', { params, signal })),
      ]),
    {
      when: (event) =>
        event.type === 'change' &&
        event.project_id === path.project_id &&
        KINDS.includes(event.kind),
    },
  )
  return {
    repositories: computed(() => loaded.data.value && rows(...loaded.data.value)),
    keys: computed(() => loaded.data.value?.[1] ?? []),
    error: loaded.error,
    reload: loaded.reload,
    path,
  }
}
