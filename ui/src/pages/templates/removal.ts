// Deletes a template, after saying what goes with it.
import { api, data } from '@/api/client'
import { confirm } from '@/components/confirm'
import { useNotify } from '@/components/notify'
import { plural, t } from '@/locales'
import type { Template } from './templates'

/** Return a function that asks and deletes; true if the template is gone. */
export function useRemoval(): (template: Template) => Promise<boolean> {
  const notify = useNotify()
  return async (template) => {
    const { name } = template
    const sure = await confirm({
      title: t('templates.deleteTitle', { name }),
      consequences: [
        template.tasks > 0
          ? plural('templates.deleteTasks', template.tasks)
          : t('templates.deleteNever'),
      ],
      verb: t('templates.deleteVerb'),
      destructive: true,
    })
    if (!sure) return false
    const path = { project_id: template.project_id, template_id: template.id }
    try {
      await data(api.DELETE('/project/{project_id}/templates/{template_id}', { params: { path } }))
    } catch (error) {
      notify.failed(error)
      return false
    }
    notify.done(t('templates.deleted', { name }))
    return true
  }
}
