import { expect, test } from 'vitest'
import { ApiError } from '@/api/errors'
import type { TaskRow } from '@/pages/dashboard/overview'
import { segments, Summaries, telling, type Summary } from '@/pages/dashboard/summaries'

const task = (id: number, status: string, tpl_app = 'ansible') =>
  ({ id, status, tpl_app }) as TaskRow
const failure = {
  sentence: 'web3 is unreachable: timeout',
  stage: 'playbook',
  host: 'web3',
  line: 7,
  task: 'ping',
}
const at = (play: number) => ({ play, plays: 4, play_name: 'web', task_name: `task ${play}` })
const message = (id: number, play: number) =>
  ({ type: 'progress', project_id: 1, task_id: id, ...at(play) }) as const
const settled = () => new Promise((resolve) => setTimeout(resolve))

/** Summaries whose answers are given by hand. */
function asked() {
  const calls: number[] = []
  const answers: ((answer: Summary | ApiError) => void)[] = []
  const summaries = new Summaries((id) => {
    calls.push(id)
    return new Promise((resolve, reject) =>
      answers.push((answer) => (answer instanceof ApiError ? reject(answer) : resolve(answer))),
    )
  })
  return { summaries, calls, answers }
}

test('runs of Ansible and failures tell something, others do not', () => {
  const rows = [
    task(9, 'running'),
    task(8, 'running', 'bash'),
    task(7, 'waiting'),
    task(6, 'error', 'bash'),
    task(5, 'success'),
  ]
  expect(telling(rows).map((each) => each.id)).toEqual([9, 6])
  const many = Array.from({ length: 100 }, (_, id) => task(id, 'error'))
  expect(telling(many)).toHaveLength(40)
})

test('a task is asked for once while it runs and once when it has failed', async () => {
  const { summaries, calls, answers } = asked()
  summaries.want([task(9, 'running')])
  summaries.want([task(9, 'running')])
  expect(calls).toEqual([9])
  answers[0]!({ progress: at(1), failure: null })
  await settled()
  expect(summaries.known.get(9)?.progress?.play).toBe(1)
  summaries.want([task(9, 'error')])
  summaries.want([task(9, 'error')])
  expect(calls).toEqual([9, 9])
  answers[1]!({ progress: at(2), failure })
  await settled()
  expect(summaries.known.get(9)?.failure?.sentence).toBe(failure.sentence)
  summaries.forget()
  summaries.want([task(9, 'error')])
  expect(calls).toHaveLength(2)
})

test('at most four requests are under way', async () => {
  const { summaries, calls, answers } = asked()
  summaries.want([1, 2, 3, 4, 5, 6].map((id) => task(id, 'error')))
  expect(calls).toEqual([1, 2, 3, 4])
  answers[0]!({ progress: null, failure })
  await settled()
  expect(calls).toEqual([1, 2, 3, 4, 5])
  summaries.close()
  answers[1]!({ progress: null, failure })
  await settled()
  expect(calls).toHaveLength(5)
})

test('a message is newer than an answer that was asked for before it', async () => {
  const { summaries, answers } = asked()
  summaries.want([task(9, 'running')])
  summaries.receive(message(9, 3))
  answers[0]!({ progress: at(2), failure: null })
  await settled()
  expect(summaries.known.get(9)?.progress?.play).toBe(3)
})

test('a refused request is repeated after a refresh only', async () => {
  const { summaries, calls, answers } = asked()
  summaries.want([task(9, 'error')])
  answers[0]!(new ApiError(502, ''))
  await settled()
  summaries.want([task(9, 'error')])
  expect(calls).toHaveLength(1)
  summaries.forget()
  summaries.want([task(9, 'error')])
  expect(calls).toHaveLength(2)
})

test('each play has a bar, unless there are too many', () => {
  expect(segments(at(2))).toEqual([1, 0.5, 0, 0])
  expect(segments({ ...at(50), plays: 100 })).toEqual([0.5])
  expect(segments({ ...at(1), plays: 0 })).toHaveLength(1)
})
