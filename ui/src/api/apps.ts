// The programs that templates can run, as the API lists them, and their titles.
import { shallowRef } from 'vue'
import { api, data, type Schemas } from './client'

export type ListedApp = Schemas['AppInList']

/** The titles by the ids of the apps, as far as they were read. */
export const appTitles = shallowRef<Record<string, string>>({})

/** Read the apps that a user may see, the highest priority first. */
export async function readApps(signal?: AbortSignal): Promise<ListedApp[]> {
  const apps = await data(api.GET('/apps', { signal }))
  appTitles.value = Object.fromEntries(apps.map(({ id, title }) => [id, title]))
  return apps
}
