// What can be done with a member, after its consequence was told.
import { ref } from 'vue'
import { useRouter } from 'vue-router'
import { api, data } from '@/api/client'
import { loadProjects, projectId } from '@/api/projects'
import { admin, user } from '@/api/session'
import { accessWords, disableAccount, readAccess } from '@/components/accounts'
import { confirm, type Addition } from '@/components/confirm'
import { useNotify } from '@/components/notify'
import { t } from '@/locales'
import type { Member, Role } from './team'

/** Return the verbs of members; *changed* is called after each. */
export function useMemberVerbs(changed: () => Promise<void>) {
  const notify = useNotify()
  const router = useRouter()
  const project = projectId.value
  const params = (member: Member) => ({ path: { project_id: project, user_id: member.id } })

  /** Do it, and tell what *call* returns. */
  async function perform(call: () => Promise<string>): Promise<void> {
    try {
      notify.done(await call())
    } catch (refused) {
      notify.failed(refused)
    } finally {
      await changed()
    }
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
    await perform(async () => {
      await data(
        api.PUT('/project/{project_id}/users/{user_id}', {
          params: params(member),
          body: { role },
        }),
      )
      return t('team.changed', { name, role: t(`team.role.${role}`) })
    })
  }

  /** What an administrator may do besides: end every access of the account. */
  async function disabling(member: Member): Promise<Addition | undefined> {
    if (!admin.value || member.id === user.value?.id) return undefined
    const access = await readAccess(member.id)
    if (!access.active) return undefined
    const words = accessWords(access)
    return {
      label: t('team.disable'),
      chosen: ref(false),
      with: t(words ? 'team.disableEffect' : 'team.disableNothing', { access: words }),
      without: t(words ? 'team.accountStays' : 'team.accountStaysUnused', { access: words }),
      verb: t('team.removeAndDisable'),
    }
  }

  async function remove(member: Member): Promise<void> {
    const { name } = member
    let also: Addition | undefined
    try {
      also = await disabling(member)
    } catch (refused) {
      notify.failed(refused)
      return
    }
    const sure = await confirm({
      title: t('team.removeTitle', { name }),
      consequences: [
        t('team.removeEffect'),
        ...(also ? [] : [t(admin.value ? 'team.tasksStay' : 'team.removeStays')]),
      ],
      verb: t('team.removeVerb'),
      destructive: true,
      also,
    })
    if (!sure) return
    await perform(async () => {
      // first what is worse if it stays: a refusal leaves the member in the list
      const ended = also?.chosen.value ? await disableAccount(member.id) : undefined
      await data(api.DELETE('/project/{project_id}/users/{user_id}', { params: params(member) }))
      if (ended === undefined) return t('team.removed', { name })
      return t(ended ? 'team.removedDisabled' : 'team.removedDisabledOnly', { name, ended })
    })
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
