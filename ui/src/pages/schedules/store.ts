// The schedules of the project in the address, and their coming days.
import type { Ref } from 'vue'
import { api, data } from '@/api/client'
import { projectId } from '@/api/projects'
import type { Event } from '@/live/bus'
import { useLoad } from '@/live/load'
import { dateOf } from './times'
import { useUsualDurations } from './usual'

const DAYS = 7
const DAY = 86_400_000

/** Load the schedules, and the week that begins *weeks* weeks from today. */
export function useSchedules(weeks: Ref<number>) {
  const path = { project_id: projectId.value }
  const when = (event: Event) =>
    ('project_id' in event && event.project_id !== path.project_id ? false : null) ??
    (event.type === 'update' ||
      (event.type === 'change' && ['schedule', 'template', 'project'].includes(event.kind)))
  const schedules = useLoad(
    (signal) =>
      data(
        api.GET('/project/{project_id}/schedules', {
          params: { path, query: { all: true } },
          signal,
        }),
      ),
    { when },
  )
  const calendar = useLoad(
    (signal) => {
      const first = dateOf(Date.now() + weeks.value * DAYS * DAY)
      const query = weeks.value === 0 ? { days: DAYS } : { days: DAYS, from: first }
      return data(
        api.GET('/project/{project_id}/schedules/calendar', { params: { path, query }, signal }),
      )
    },
    { when, watch: [weeks] },
  )
  useUsualDurations(path.project_id)
  return { path, schedules, calendar }
}
