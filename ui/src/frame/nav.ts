// The entries of the rail. One without a route, or that the user may not see, is left out.
import { computed } from 'vue'
import type { RouteLocationRaw } from 'vue-router'
import { frameProject, mayManage } from '@/api/projects'
import type { Key } from '@/locales'
import { router } from '@/router'

export interface Entry {
  /** the name of the route */
  name: string
  label: Key
  icon: string
  /** second key after g */
  letter: string
}

const PROJECT: Entry[][] = [
  [
    { name: 'dashboard', label: 'frame.nav.dashboard', icon: 'i-lucide-gauge', letter: 'd' },
    { name: 'templates', label: 'frame.nav.templates', icon: 'i-lucide-layers', letter: 't' },
    { name: 'tasks', label: 'frame.nav.tasks', icon: 'i-lucide-square-play', letter: 'h' },
    { name: 'schedules', label: 'frame.nav.schedules', icon: 'i-lucide-clock', letter: 'c' },
  ],
  [
    { name: 'inventory', label: 'frame.nav.inventory', icon: 'i-lucide-server', letter: 'i' },
    { name: 'variables', label: 'frame.nav.variables', icon: 'i-lucide-braces', letter: 'v' },
    { name: 'keys', label: 'frame.nav.keys', icon: 'i-lucide-key-round', letter: 'k' },
    {
      name: 'repositories',
      label: 'frame.nav.repositories',
      icon: 'i-lucide-git-branch',
      letter: 'r',
    },
    {
      name: 'integrations',
      label: 'frame.nav.integrations',
      icon: 'i-lucide-webhook',
      letter: 'w',
    },
  ],
  [
    { name: 'vpn', label: 'frame.nav.vpn', icon: 'i-lucide-shield', letter: 'n' },
    { name: 'team', label: 'frame.nav.team', icon: 'i-lucide-users', letter: 'm' },
    { name: 'activity', label: 'frame.nav.activity', icon: 'i-lucide-history', letter: 'a' },
    { name: 'settings', label: 'frame.nav.settings', icon: 'i-lucide-settings', letter: 's' },
  ],
]

const ADMINISTRATION: Entry[][] = [
  [
    { name: 'admin', label: 'frame.nav.overview', icon: 'i-lucide-gauge', letter: 'o' },
    { name: 'admin-users', label: 'frame.nav.users', icon: 'i-lucide-users', letter: 'u' },
    { name: 'admin-tasks', label: 'frame.nav.allTasks', icon: 'i-lucide-square-play', letter: 'h' },
    { name: 'admin-vpn', label: 'frame.nav.vpn', icon: 'i-lucide-shield', letter: 'n' },
  ],
  [
    { name: 'admin-apps', label: 'frame.nav.apps', icon: 'i-lucide-blocks', letter: 'p' },
    {
      name: 'admin-options',
      label: 'frame.nav.options',
      icon: 'i-lucide-sliders-horizontal',
      letter: 'e',
    },
    { name: 'admin-activity', label: 'frame.nav.activity', icon: 'i-lucide-history', letter: 'a' },
  ],
]

/** Whether the address is one of the administration: below /admin. */
export const administration = computed(() => router.currentRoute.value.path.startsWith('/admin'))

function isShown({ name }: Entry): boolean {
  const route = router.getRoutes().find((each) => each.name === name)
  return route !== undefined && (mayManage.value || !route.meta.manage)
}

/** The groups of entries for the present place. */
export const groups = computed(() =>
  (administration.value ? ADMINISTRATION : frameProject.value ? PROJECT : [])
    .map((group) => group.filter(isShown))
    .filter((group) => group.length > 0),
)

/** The name of the entry that is marked. */
export const marked = computed(() => {
  const { meta, name } = router.currentRoute.value
  return meta.entry ?? name
})

export function target(entry: Entry): RouteLocationRaw {
  return administration.value
    ? { name: entry.name }
    : { name: entry.name, params: { project: frameProject.value } }
}

export interface Place {
  entry: Entry
  to: RouteLocationRaw
  /** whether it is one of the administration */
  administrates: boolean
}

/** Every entry of *project* (0 for none), and of the administration if one may see it. */
export function entriesOf(project: number, isAdmin: boolean): Place[] {
  const params = { project }
  const inProject = (project ? PROJECT : []).flat().map((entry) => ({
    entry,
    to: { name: entry.name, params },
    administrates: false,
  }))
  const above = (isAdmin ? ADMINISTRATION : []).flat().map((entry) => ({
    entry,
    to: { name: entry.name },
    administrates: true,
  }))
  return [...inProject, ...above].filter(({ entry }) => router.hasRoute(entry.name))
}
