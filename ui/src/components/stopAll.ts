// Stops every task of a project, or of a template, that has not ended, after they were named.
import { api, data } from '@/api/client'
import { plural, t } from '@/locales'
import { names } from './bulk'
import { confirm } from './confirm'
import { useNotify } from './notify'

/** The statuses of tasks that have not ended. */
const ACTIVE = 'waiting,starting,waiting_confirmation,confirmed,rejected,running,stopping'

/** Tasks that the question counts at most; all are stopped. */
const COUNTED = 1000

/** Return a function that asks and stops; call it in a setup. */
export function useStopAll() {
  const notify = useNotify()
  return async (project: number, template?: { id: number; name: string }): Promise<void> => {
    const path = { project_id: project }
    const query = { status: ACTIVE, template_id: template?.id, limit: COUNTED }
    try {
      const tasks = await data(api.GET('/project/{project_id}/tasks', { params: { path, query } }))
      const items = tasks.map((each) => ({ id: each.id, name: `${each.tpl_alias} #${each.id}` }))
      const title = template
        ? plural('common.bulk.stopTemplate', items.length, { name: template.name })
        : plural('common.bulk.stopProject', items.length)
      const sure = await confirm({
        title,
        consequences: [names(items), t('common.bulk.stopEffect'), t('common.stop.stays')],
        verb: t('common.bulk.stopAll'),
        destructive: true,
      })
      if (!sure) return
      const body = { force: false }
      await (template
        ? data(
            api.POST('/project/{project_id}/templates/{template_id}/stop_all_tasks', {
              params: { path: { ...path, template_id: template.id } },
              body,
            }),
          )
        : data(api.POST('/project/{project_id}/stop_all_tasks', { params: { path }, body })))
    } catch (error) {
      notify.failed(error)
    }
  }
}
