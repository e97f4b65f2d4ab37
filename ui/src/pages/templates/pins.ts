// The templates that this browser shows first, by project.
import { shallowRef } from 'vue'
import { keep, recall } from '@/storage'

const pinned = shallowRef<{ project: number; ids: ReadonlySet<number> }>()

function read(project: number): ReadonlySet<number> {
  if (pinned.value?.project !== project) {
    const stored = recall(`pins.${project}`) ?? ''
    const ids = stored.split(',').map(Number).filter(Number.isInteger)
    pinned.value = { project, ids: new Set(ids.filter(Boolean)) }
  }
  return pinned.value!.ids
}

export function isPinned(project: number, id: number): boolean {
  return read(project).has(id)
}

export function togglePin(project: number, id: number): void {
  const ids = new Set(read(project))
  if (!ids.delete(id)) ids.add(id)
  pinned.value = { project, ids }
  keep(`pins.${project}`, [...ids].join(',') || null)
}
