// Stops a task, after its consequence was told.
import { api, data } from '@/api/client'
import { confirm } from '@/components/confirm'
import { useNotify } from '@/components/notify'
import { t } from '@/locales'
import type { TaskRow } from './overview'

/** Return a function that asks and then stops a task; call it in a setup. */
export function useStop(): (task: TaskRow) => Promise<void> {
  const notify = useNotify()
  return async (task) => {
    const name = `${task.tpl_alias} #${task.id}`
    const waiting = task.status === 'waiting'
    const sure = await confirm({
      title: waiting ? t('dashboard.cancelTitle', { name }) : t('dashboard.stopTitle', { name }),
      consequences: [waiting ? t('dashboard.cancelEffect') : t('dashboard.stopEffect')],
      verb: waiting ? t('dashboard.cancelVerb') : t('dashboard.stopVerb'),
    })
    if (!sure) return
    const path = { project_id: task.project_id, task_id: task.id }
    try {
      await data(
        api.POST('/project/{project_id}/tasks/{task_id}/stop', {
          params: { path },
          body: { force: false },
        }),
      )
    } catch (error) {
      notify.failed(error)
    }
  }
}
