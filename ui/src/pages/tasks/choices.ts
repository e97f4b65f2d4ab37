// The templates and members by which tasks can be filtered.
import { computed } from 'vue'
import { api, data } from '@/api/client'
import { projectId } from '@/api/projects'
import { useLoad } from '@/live/load'
import { t } from '@/locales'
import { STATUSES, type StatusChoice } from './filter'

interface Choice {
  label: string
  value: string
}

/** Stands for no filter, since a menu knows no empty value. */
export const ANY = 'any'

export function useChoices() {
  const path = { project_id: projectId.value }
  const { data: lists } = useLoad((signal) =>
    Promise.all([
      data(api.GET('/project/{project_id}/templates', { params: { path }, signal })),
      data(api.GET('/project/{project_id}/users', { params: { path }, signal })),
    ]),
  )
  const any = (label: string): Choice => ({ label, value: ANY })
  return {
    statuses: computed<Choice[]>(() => [
      any(t('tasks.anyStatus')),
      ...(Object.keys(STATUSES) as StatusChoice[]).map((each) => ({
        value: each,
        label: t(`common.status.${each}`),
      })),
    ]),
    templates: computed<Choice[]>(() => [
      any(t('tasks.anyTemplate')),
      ...(lists.value?.[0] ?? []).map((each) => ({ label: each.name, value: String(each.id) })),
    ]),
    users: computed<Choice[]>(() => [
      any(t('tasks.anyUser')),
      ...(lists.value?.[1] ?? []).map((each) => ({ label: each.name, value: String(each.id) })),
    ]),
  }
}
