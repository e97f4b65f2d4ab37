// Whether templates of an app can run: it may be switched off, or its program be missing.
import { shallowRef } from 'vue'
import { readApps, type ListedApp } from '@/api/apps'
import { useLoad } from '@/live/load'

export type AppFault = 'off' | 'missing'

/** Milliseconds: only administrators are told of a change, and no event tells of programs. */
const AGAIN = 60_000

const known = shallowRef<ReadonlyMap<string, ListedApp>>()

/** Keep the names and the states of the apps current while the component is there. */
export function useApps(): void {
  useLoad(
    async (signal) => {
      const apps = await readApps(signal)
      known.value = new Map(apps.map((each) => [each.id, each]))
      return apps
    },
    { when: (event) => event.type === 'change' && event.kind === 'app', every: AGAIN },
  )
}

/** Why no run of the app *id* can succeed; undefined if it can, or if that is not known. */
export function faultOfApp(id: string): AppFault | undefined {
  if (!known.value) return undefined
  const app = known.value.get(id)
  // users see only those that are switched on
  if (!app?.active) return 'off'
  return app.installed ? undefined : 'missing'
}
