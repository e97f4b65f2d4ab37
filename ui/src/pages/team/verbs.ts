// What can be done with a member, after its consequence was told.
import { useRouter } from 'vue-router'
import { api, data } from '@/api/client'
import { loadProjects, projectId } from '@/api/projects'
import { user } from '@/api/session'
import { confirm } from '@/components/confirm'
import { useNotify } from '@/components/notify'
import { t } from '@/locales'
import type { Member, Role } from './team'

/** Return the verbs of members; *changed* is called after each. */
export function useMemberVerbs(changed: () => Promise<void>) {
  const notify = useNotify()
  const router = useRouter()
  const project = projectId.value
  const params = (member: Member) => ({ path: { project_id: project, user_id: member.id } })

  async function perform(call: () => Promise<unknown>, text: string): Promise<boolean> {
    try {
      await call()
    } catch (refused) {
      notify.failed(refused)
      return false
    } finally {
      await changed()
    }
    notify.done(text)
    return true
  }

  async function setRole(member: Member, role: Role): Promise<void> {
    if (role === member.role) return
    const { name } = member
    const sure =
      member.id !== user.value?.id ||
      (await confirm({
        title: t('team.ownRoleTitle', { role: t(`team.role.${role}`) }),
        consequences: [t('team.ownRoleEffect')],
        verb: t('team.ownRoleVerb'),
      }))
    if (!sure) return changed()
    await perform(
      () =>
        data(
          api.PUT('/project/{project_id}/users/{user_id}', {
            params: params(member),
            body: { role },
          }),
        ),
      t('team.changed', { name, role: t(`team.role.${role}`) }),
    )
  }

  async function remove(member: Member): Promise<void> {
    const { name } = member
    const sure = await confirm({
      title: t('team.removeTitle', { name }),
      consequences: [t('team.removeEffect'), t('team.removeStays')],
      verb: t('team.removeVerb'),
      destructive: true,
    })
    if (!sure) return
    await perform(
      () => data(api.DELETE('/project/{project_id}/users/{user_id}', { params: params(member) })),
      t('team.removed', { name }),
    )
  }

  async function leave(): Promise<void> {
    const sure = await confirm({
      title: t('team.leaveTitle'),
      consequences: [t('team.leaveEffect')],
      verb: t('team.leaveVerb'),
      destructive: true,
    })
    if (!sure) return
    const path = { project_id: project }
    try {
      await data(api.DELETE('/project/{project_id}/me', { params: { path } }))
    } catch (refused) {
      notify.failed(refused)
      return
    }
    notify.done(t('team.left'))
    await loadProjects()
    await router.push('/')
  }

  return { setRole, remove, leave }
}
