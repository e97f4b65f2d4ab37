// The projects of the user, the one in the address, and what the user may do in it.
import { computed, effectScope, ref, shallowRef, watch } from 'vue'
import type { Event } from '@/live/bus'
import { useLoad } from '@/live/load'
import { router } from '@/router'
import { keep, recall } from '@/storage'
import { api, ApiError, data, type Schemas } from './client'
import { isPassing } from './errors'
import { admin, user } from './session'

export type Project = Schemas['Project']

/** undefined until they are loaded. */
export const projects = shallowRef<Project[]>()

/** The number of the project in the address; 0 outside of projects. */
export const projectId = computed(() => Number(router.currentRoute.value.params.project ?? 0))

/** The number of the project that was in the address last; 0 if none was. */
const last = ref(Number(recall('project') ?? 0))

/** The project whose pages the frame offers: where the address has none, the last one. */
export const frameProject = computed(() => {
  if (projectId.value) return projectId.value
  const making = router.currentRoute.value.name === 'project-new'
  return !making && projects.value?.some((each) => each.id === last.value) ? last.value : 0
})

export const project = computed(() => projects.value?.find((each) => each.id === projectId.value))

/** Whether *event* may change what the user is in a project. */
const concernsMember = (event: Event) =>
  event.type === 'change' &&
  event.kind === 'user' &&
  event.project_id !== null &&
  (event.id === null || event.id === user.value?.id)

/** Whether *event* may change the projects of the user. */
export const concernsProjects = (event: Event) =>
  concernsMember(event) || (event.type === 'change' && event.kind === 'project')

async function readPermissions(signal: AbortSignal): Promise<number> {
  const id = frameProject.value
  if (!id || !user.value) return 0
  try {
    const params = { path: { project_id: id } }
    return (await data(api.GET('/project/{project_id}/role', { params, signal }))).permissions
  } catch (error) {
    if (!(error instanceof ApiError) || isPassing(error)) throw error
    return 0 // the page itself says why the project cannot be shown
  }
}

/** What the role in the frame's project permits; undefined until it is loaded. */
const { data: permissions } = effectScope(true).run(() =>
  useLoad(readPermissions, {
    watch: [frameProject, () => user.value?.id],
    when: concernsMember,
  }),
)!
const may = (bit: number) => computed(() => admin.value || ((permissions.value ?? 0) & bit) !== 0)

/** Whether the following is known, and not only assumed not to be permitted. */
export const roleKnown = computed(() => admin.value || permissions.value !== undefined)

export const mayRun = may(1)
export const mayChangeProject = may(2)
export const mayManage = may(4)
export const mayManageUsers = may(8)

/** What *read* brings if the user may manage the project; else *other*, unasked. */
export async function ifManager<T>(read: () => Promise<T>, other: T): Promise<T> {
  if (!roleKnown.value) {
    await new Promise<void>((resolve) => {
      const stop = watch(roleKnown, (known) => known && (stop(), resolve()))
    })
  }
  return mayManage.value ? read() : other
}

let asked = 0
let answered = 0

/** Read the projects anew; an answer that was overtaken by a later one is not shown. */
export async function loadProjects(): Promise<Project[]> {
  const mine = ++asked
  const found = await data(api.GET('/projects'))
  if (mine > answered) {
    answered = mine
    projects.value = found
  }
  return found
}

/** The project to begin with: the last one of this browser, else the first. */
export async function firstProject(): Promise<Project | undefined> {
  const all = projects.value ?? (await loadProjects())
  return all.find((each) => String(each.id) === recall('project')) ?? all[0]
}

watch(projectId, (id) => {
  if (!id) return
  last.value = id
  keep('project', String(id))
})

watch(user, (person) => {
  if (person) return
  projects.value = undefined
  answered = asked // what still arrives was for the former user
})
