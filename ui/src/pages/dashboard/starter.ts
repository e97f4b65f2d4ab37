// Who or what started a task.
import { t } from '@/locales'
import type { TaskRow } from './overview'

export function starter(task: TaskRow): string {
  if (task.schedule_id) return t('dashboard.bySchedule')
  if (task.integration_id) return t('dashboard.byWebhook')
  return task.user_name ?? t('dashboard.byNobody')
}
