// The options of the installation: the settings of apps that are set, by their keys.
import { api, data } from '@/api/client'
import { useLoad } from '@/live/load'

/** The settings of an app, as the last part of a key names them. */
export const FIELDS = [
  ...(['active', 'priority', 'title', 'path', 'args'] as const),
  ...(['icon', 'color', 'dark_color'] as const),
]
export type Field = (typeof FIELDS)[number]

export interface Option {
  key: string
  value: string
}

/** Load the options that are set, and the apps. */
export function useOptions() {
  return useLoad(
    async (signal) => {
      const [options, apps] = await Promise.all([
        data(api.GET('/options', { signal })),
        data(api.GET('/apps', { signal })),
      ])
      return { options: rows(options), apps: apps.map(({ id, title }) => ({ id, title })) }
    },
    { when: (event) => event.type === 'change' && event.kind === 'app' },
  )
}

/** The options in the order of their keys. */
export function rows(options: Record<string, string>): Option[] {
  return Object.entries(options)
    .map(([key, value]) => ({ key, value }))
    .sort((a, b) => a.key.localeCompare(b.key))
}

/** The options with every word of *text* in the key or value. */
export function selected(options: readonly Option[], text: string): Option[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  return options.filter((each) => {
    const whole = `${each.key} ${each.value}`.toLowerCase()
    return words.every((word) => whole.includes(word))
  })
}

/** The id of the app and the setting that *key* names. */
export function parts(key: string): { app: string; field: Field } {
  const [, app = '', field = ''] = key.split('.')
  return { app, field: field as Field }
}

export async function store(option: Option): Promise<void> {
  await data(api.POST('/options', { body: option }))
}
