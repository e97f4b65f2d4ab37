// Who did what: the events of a project, or of the installation.
import type { Schemas } from '@/api/client'

export type Event = Schemas['Event']

const ICONS: Record<string, string> = {
  app: 'i-lucide-blocks',
  environment: 'i-lucide-braces',
  inventory: 'i-lucide-server',
  key: 'i-lucide-key-round',
  known_host: 'i-lucide-fingerprint',
  login: 'i-lucide-log-in',
  project: 'i-lucide-folder',
  repository: 'i-lucide-git-branch',
  schedule: 'i-lucide-clock',
  task: 'i-lucide-square-play',
  template: 'i-lucide-layers',
  token: 'i-lucide-key-square',
  user: 'i-lucide-user',
  view: 'i-lucide-list-filter',
}

export function iconOf({ object_type }: Event): string {
  if (object_type?.startsWith('vpn')) return 'i-lucide-shield'
  return ICONS[object_type ?? ''] ?? 'i-lucide-circle'
}

/** The cursor of older events from the header Link, if there are any. */
export function cursor(link: string | null): number | undefined {
  const before = /<\?[^>]*\bbefore=(\d+)[^>]*>; rel="next"/.exec(link ?? '')?.[1]
  return before === undefined ? undefined : Number(before)
}

/** How many events of *next* are newer than those that are *shown*. */
export function fresh(next: readonly Event[], shown: readonly Event[]): number {
  const newest = shown[0]?.created
  return newest === undefined ? next.length : next.filter((each) => each.created > newest).length
}
