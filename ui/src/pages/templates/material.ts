// What the form of a template chooses from.
import { readApps } from '@/api/apps'
import { api, data } from '@/api/client'

export interface Item {
  id: number
  name: string
}

/** A template, as far as others build on it. */
export interface BuildItem extends Item {
  type: string
}

export async function readMaterial(project: number, signal: AbortSignal) {
  const params = { path: { project_id: project } }
  const [apps, repositories, inventories, environments, views, keys, templates] = await Promise.all(
    [
      readApps(signal),
      data(api.GET('/project/{project_id}/repositories', { params, signal })),
      data(api.GET('/project/{project_id}/inventory', { params, signal })),
      data(api.GET('/project/{project_id}/environment', { params, signal })),
      data(api.GET('/project/{project_id}/views', { params, signal })),
      data(api.GET('/project/{project_id}/keys', { params, signal })),
      data(api.GET('/project/{project_id}/templates', { params, signal })),
    ],
  )
  return { apps, repositories, inventories, environments, views, keys, templates }
}

export type Material = Awaited<ReturnType<typeof readMaterial>>

/** Items of a select; with *none*, the first means that nothing is chosen. */
export function choices(list: Item[], none?: string) {
  const items = list.map((each) => ({ label: each.name, value: each.id as number | undefined }))
  return none === undefined ? items : [{ label: none, value: undefined }, ...items]
}
