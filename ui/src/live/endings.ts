// Browser notifications when runs of the user end while the page is in the background.
import { ref } from 'vue'
import { api, ApiError, data } from '@/api/client'
import { user } from '@/api/session'
import { isFinal, markOf, wordOf } from '@/components/status'
import { t } from '@/locales'
import { router } from '@/router'
import { keep, recall } from '@/storage'
import { duration } from '@/times'
import { on } from './bus'
import { isFirst, isInUse } from './tabs'
import { useWatchedRuns } from './watched'

const KEY = 'notify'

/** Whether this browser has notifications. */
export const canNotify = 'Notification' in window

const permitted = () => canNotify && Notification.permission === 'granted'
const chosen = ref(recall(KEY) === 'on' && permitted())

/** Whether the user wants them in this browser, and the browser permits them. */
export const notifies = () => chosen.value

/** Want them or not; returns false if the browser does not permit them. A first one shows it. */
export async function chooseNotifying(wanted: boolean): Promise<boolean> {
  const may =
    !wanted ||
    ((await Notification.requestPermission()) === 'granted' &&
      show(t('frame.notice.title'), t('frame.notice.text')) !== undefined)
  chosen.value = wanted && may
  keep(KEY, chosen.value ? 'on' : null)
  return may
}

// chosen in another tab
addEventListener('storage', () => (chosen.value = recall(KEY) === 'on' && permitted()))

/** Show a notification; undefined where only service workers may (Chrome for Android). */
function show(title: string, body: string, tag?: string): Notification | undefined {
  try {
    return new Notification(title, { body, tag })
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

interface End {
  project_id: number
  task_id: number
  status: string
  start?: string | null
  end?: string | null
}

/** Milliseconds in which another tab that hears of an end does not tell it again. */
const AGAIN = 60_000
/** Ends that are remembered, so that none is told twice. */
const MOST = 1_000

/** Notify of each end until the component goes. */
export function useEndings(): void {
  const told = new Set<number>()
  const wanted = () => chosen.value && permitted()
  function heard(end: End): void {
    if (!wanted() || told.has(end.task_id)) return
    told.add(end.task_id)
    if (told.size > MOST) told.delete(told.values().next().value!)
    tell(end).catch((error: unknown) => {
      if (!(error instanceof ApiError)) throw error // else the run may not be seen
    })
  }
  on('update', (event) => isFinal(event) && heard(event))
  useWatchedRuns((task) => heard({ ...task, task_id: task.id }), wanted)
}

async function tell(ended: End): Promise<void> {
  if (await isInUse()) return
  const path = { project_id: ended.project_id, task_id: ended.task_id }
  const task = await data(api.GET('/project/{project_id}/tasks/{task_id}', { params: { path } }))
  if (task.user_id !== user.value?.id) return
  const status = t(wordOf(markOf(ended.status), ended.status))
  const took = ended.start && ended.end ? Date.parse(ended.end) - Date.parse(ended.start) : NaN
  const words = [status, ...(Number.isNaN(took) ? [] : [duration(took)]), `#${task.id}`]
  const name = await nameOf(task.template_id, ended.project_id).catch(() => t('frame.notice.run'))
  if (!(await isFirst(`end of ${task.id}`, AGAIN))) return
  const shown = show(name, words.join(', '), `task-${task.id}`)
  if (!shown) return
  shown.onclick = () => {
    window.focus()
    shown.close()
    void router.push({ name: 'task', params: { project: ended.project_id, task: task.id } })
  }
}

async function nameOf(template: number, project: number): Promise<string> {
  const path = { project_id: project, template_id: template }
  const found = await data(
    api.GET('/project/{project_id}/templates/{template_id}', { params: { path } }),
  )
  return found.name
}
