// Where the page of an object of a project is.
import type { RouteLocationRaw } from 'vue-router'

export type Kind =
  'templates' | 'inventories' | 'repositories' | 'integrations' | 'schedules' | 'groups' | 'keys'

export function placeOf(kind: Kind, project: number, id: number): RouteLocationRaw {
  const params = { project }
  switch (kind) {
    case 'templates':
      return { name: 'template', params: { project, template: id } }
    case 'inventories':
      return { name: 'inventory-hosts', params: { project, inventory: id } }
    case 'integrations':
      return { name: 'integration', params: { project, integration: id } }
    case 'schedules':
      return { name: 'schedules', params, query: { schedule: id } }
    case 'repositories':
      return { name: 'repositories', params, query: { repository: id } }
    case 'groups':
      return { name: 'variables', params, query: { group: id } }
    case 'keys':
      return { name: 'keys', params, query: { key: id } }
  }
}
