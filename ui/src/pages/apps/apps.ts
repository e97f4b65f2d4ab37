// The programs that templates can run, as an administrator sets them.
import { api, data, type Schemas } from '@/api/client'
import { useLoad } from '@/live/load'

export type App = Schemas['AppInAdministration']

const KINDS = ['app', 'template', 'project']

/** Load the apps with the number of their templates, the highest priority first. */
export function useApps() {
  return useLoad((signal) => data(api.GET('/admin/apps', { signal })), {
    when: (event) => event.type === 'change' && KINDS.includes(event.kind),
  })
}

/** The apps with every word of *text* in the title, id or program. */
export function selected(apps: readonly App[], text: string): App[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  return apps.filter((each) => {
    const whole = `${each.title} ${each.id} ${each.path}`.toLowerCase()
    return words.every((word) => whole.includes(word))
  })
}

/** What the form of an app edits; *args* has an argument in each line. */
export interface Draft {
  id: string
  title: string
  path: string
  args: string
  priority: number
  icon: string
  color: string
  dark_color: string
}

export function draftOf(app: App | undefined): Draft {
  return {
    id: app?.id ?? '',
    title: app?.title ?? '',
    path: app?.path ?? '',
    args: (app?.args ?? []).join('\n'),
    priority: app?.priority ?? 0,
    icon: app?.icon ?? '',
    color: app?.color ?? '',
    dark_color: app?.dark_color ?? '',
  }
}

/** The arguments in *text*, one a line; the end of the last line is none. */
export function argumentsOf(text: string): string[] {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines
}

type Body = Schemas['NewApp']

/** The fields of *draft* that differ from *first*; an empty title or program is the usual one. */
export function body(draft: Draft, first: Draft): Body {
  const sent: Body = {
    title: draft.title.trim() || null,
    path: draft.path.trim() || null,
    args: argumentsOf(draft.args),
    priority: draft.priority,
    icon: draft.icon.trim(),
    color: draft.color.trim(),
    dark_color: draft.dark_color.trim(),
  }
  const changed = (name: string) => draft[name as keyof Draft] !== first[name as keyof Draft]
  return Object.fromEntries(Object.entries(sent).filter(([name]) => changed(name)))
}
