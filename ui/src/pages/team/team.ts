// The members of a project and their roles.
import { computed } from 'vue'
import { api, data, type Schemas } from '@/api/client'
import { projectId } from '@/api/projects'
import { useLoad } from '@/live/load'
import { t } from '@/locales'

export type Member = Schemas['Member']
export type Role = Schemas['Role']

/** The roles, the one with most rights first. */
export const ROLES: readonly Role[] = ['owner', 'manager', 'task_runner', 'guest']

export const roleItems = computed(() =>
  ROLES.map((value) => ({
    value,
    label: t(`team.role.${value}`),
    description: t(`team.may.${value}`),
  })),
)

export function useMembers() {
  const path = { project_id: projectId.value }
  const loaded = useLoad(
    (signal) => data(api.GET('/project/{project_id}/users', { params: { path }, signal })),
    { when: (event) => event.type === 'change' && event.kind === 'user' },
  )
  return { members: loaded.data, error: loaded.error, reload: loaded.reload, path }
}

/** Whether *member* is the only owner, without whom nobody could manage the project. */
export function isLastOwner(member: Member, members: readonly Member[]): boolean {
  return member.role === 'owner' && members.filter((each) => each.role === 'owner').length === 1
}
