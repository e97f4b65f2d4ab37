// Who may reach which network behind the server, and why.
import type { Schemas } from '@/api/client'
import { compareNames } from '@/locales'
import type { Device } from './devices'

export type Grant = Schemas['NetworkGrant']
export type Site = Schemas['SiteNetwork']

/** Whose access it is: a user's devices, or the hosts of a project. */
export interface Holder {
  key: string
  kind: 'user' | 'project'
  id: number
  name: string
  devices: Device[]
}

export type Why = 'project' | 'user' | 'device'

/** A grant that lets a holder, or some of its devices, into a network. */
export interface Reason {
  why: Why
  /** the project's or the device's name */
  name: string
  grant: Grant
}

/** Everybody who has devices, and those who were granted a network before they have one. */
export function holders(devices: Device[], grants: Grant[]): Holder[] {
  const found = new Map<string, Holder>()
  const holder = (kind: Holder['kind'], id: number, name: string) => {
    const key = `${kind}-${id}`
    const there = found.get(key) ?? { key, kind, id, name, devices: [] }
    found.set(key, there)
    return there
  }
  for (const each of devices) {
    if (each.user_id !== null) holder('user', each.user_id, each.owner).devices.push(each)
    else if (each.project_id !== null)
      holder('project', each.project_id, each.owner).devices.push(each)
  }
  for (const each of grants) {
    if (each.user_id !== null) holder('user', each.user_id, each.to)
    if (each.project_id !== null) holder('project', each.project_id, each.to)
  }
  return [...found.values()].sort(
    (a, b) => b.kind.localeCompare(a.kind) || compareNames(a.name, b.name),
  )
}

/**
 * Why *holder* reaches *site*; empty if it does not. *members* are the users of each
 * project, as far as they are known. What holds for all its devices comes first.
 */
export function reasons(
  holder: Holder,
  site: Site,
  grants: Grant[],
  members: Map<number, Set<number>>,
): Reason[] {
  const found: Reason[] = []
  for (const grant of grants) {
    if (grant.site_id !== site.id) continue
    const { user_id: user, project_id: project, peer_id: peer } = grant
    if (user !== null && holder.kind === 'user' && user === holder.id) {
      found.push({ why: 'user', name: grant.to, grant })
    } else if (project !== null && belongs(holder, project, members)) {
      found.push({ why: 'project', name: grant.to, grant })
    } else if (peer !== null && holder.devices.some((each) => each.id === peer)) {
      found.push({ why: 'device', name: grant.to, grant })
    }
  }
  const order: Why[] = ['user', 'project', 'device']
  return found.sort((a, b) => order.indexOf(a.why) - order.indexOf(b.why))
}

function belongs(holder: Holder, project: number, members: Map<number, Set<number>>): boolean {
  return holder.kind === 'project'
    ? holder.id === project
    : (members.get(project)?.has(holder.id) ?? false)
}
