// The log of a task: from the API, and live.
import { onScopeDispose } from 'vue'
import { answer, api, query } from '@/api/client'
import { LogFeed, type Page } from '@/log/feed'
import { on } from '@/live/bus'
import { follow } from '@/live/socket'

/** Return the log of a task, which stays current while the component is there. */
export function useOutput(project: number, task: number): LogFeed {
  const path = { project_id: project, task_id: task }

  async function read(above: number, limit: number, signal: AbortSignal): Promise<Page> {
    const { data, response } = await answer(
      api.GET('/project/{project_id}/tasks/{task_id}/output', {
        params: { path, query: query({ from: above, limit }) },
        signal,
      }),
    )
    const rows = data ?? []
    let size = 0
    const lines = rows.map((each) => {
      size += each.output.length + 100
      return { id: each.id, output: each.output, time: Date.parse(each.time) }
    })
    const total = Number(response.headers.get('x-lines') ?? rows.at(-1)?.id ?? above)
    return { lines, total, size }
  }

  const feed = new LogFeed(read)
  on('log', (event) => {
    if (event.task_id !== task) return
    const { id, output, offset, partial } = event
    feed.receive({ id, output, time: Date.parse(event.time), offset, partial })
  })
  on('subscribed', () => feed.catchUp())
  on('refresh', () => feed.catchUp())
  on('update', (event) => event.task_id === task && feed.catchUp())
  onScopeDispose(follow(task))
  onScopeDispose(() => feed.close())
  feed.catchUp()
  return feed
}
