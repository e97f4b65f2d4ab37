// What the server knows of a run beside its log: steps, hosts, errors, and the cause.
import { computed, type Ref } from 'vue'
import { api, data, type Schemas } from '@/api/client'
import { useLoad } from '@/live/load'
import { t, type Key } from '@/locales'
import { noCounts, type HostRow, type Section } from '@/log/outline'
import type { Mark } from '@/components/status'
import type { Cause } from './cause'
import type { Step } from './steps'
import type { Task } from './task'

export interface Results {
  /** undefined if the server has none: then the log tells */
  hosts: Ref<HostRow[] | undefined>
  /** lines of errors that made a host fail */
  errors: Ref<number[]>
  stages: Ref<Section[]>
  cause: Ref<Cause | undefined>
  steps: (task: Task | undefined) => Step[]
  /** whether a plan was made */
  planned: Ref<boolean>
}

type Stage = Schemas['TaskStage']

const MAIN = new Set(['playbook', 'script', 'plan', 'approval', 'apply'])
const KNOWN = new Set([
  ...['preparation', 'checkout', 'inventory', 'requirements', 'cleanup', ...MAIN],
  'init',
])
const MARKS: Record<string, Mark> = { '': 'run', success: 'ok', error: 'fail', stopped: 'stop' }

const APPROVAL = 'approval'
const label = (type: string) => (KNOWN.has(type) ? t(`task.stage.${type}` as Key) : type)

/** Return the part of the log that a stage wrote, if it can be folded. */
function section(stage: Stage): Section[] {
  const { type, start_output_id: line, end_output_id: end } = stage
  if (MAIN.has(type) || !line || !end || end <= line || !stage.end) return []
  return [
    {
      kind: 'stage',
      title: label(type),
      line,
      end,
      start: Date.parse(stage.start),
      stop: Date.parse(stage.end),
      counts: noCounts(),
      errors: stage.result === 'error' ? 1 : 0,
    },
  ]
}

function step(stage: Stage): Step {
  return {
    key: stage.type === APPROVAL ? APPROVAL : String(stage.id),
    label: label(stage.type),
    mark: MARKS[stage.result] ?? 'off',
    start: Date.parse(stage.start),
    end: stage.end ? Date.parse(stage.end) : undefined,
    line: stage.start_output_id ?? 0,
  }
}

/** The time before the job began, as a step. */
function queue(task: Task): Step {
  const created = Date.parse(task.created)
  const end = task.start ?? task.end
  return {
    key: 'queue',
    label: t('task.stage.queue'),
    mark: end ? 'ok' : 'queue',
    start: created,
    end: end ? Date.parse(end) : undefined,
    line: 0,
  }
}

/** The steps of a task; of one that waits for approval also this, and what follows. */
function gate(task: Task, steps: Step[]): Step[] {
  const last = steps.at(-1)
  if (task.status !== 'waiting_confirmation' || !last) return steps
  const ends = last.key === APPROVAL
  const start = ends ? last.start : (last.end ?? last.start)
  const before = ends ? steps.slice(0, -1) : steps.with(-1, { ...last, mark: 'ok', end: start })
  const approval: Step = {
    key: APPROVAL,
    label: label('approval'),
    mark: 'wait',
    start,
    end: undefined,
    line: ends ? last.line : 0,
  }
  const apply: Step = { ...approval, key: 'apply', label: label('apply'), mark: 'off', line: 0 }
  return [...before, approval, { ...apply, end: start, ahead: true }]
}

export function useResults(project: number, task: number): Results {
  const params = { path: { project_id: project, task_id: task } }
  const { data: known } = useLoad(
    async (signal) => {
      const init = { params, signal }
      const [stages, hosts, errors, summary] = await Promise.all([
        data(api.GET('/project/{project_id}/tasks/{task_id}/stages', init)),
        data(api.GET('/project/{project_id}/tasks/{task_id}/ansible/hosts', init)),
        data(api.GET('/project/{project_id}/tasks/{task_id}/ansible/errors', init)),
        data(api.GET('/project/{project_id}/tasks/{task_id}/summary', init)),
      ])
      return { stages, hosts, errors, summary }
    },
    { when: (event) => event.type === 'update' && event.task_id === task },
  )
  const failure = computed(() => known.value?.summary.failure)
  const ended = computed(() => known.value?.stages.every((each) => each.end) === true)

  return {
    // while it runs, the log is nearer to the truth than the last answer
    hosts: computed(() =>
      ended.value && known.value?.hosts.length ? known.value.hosts : undefined,
    ),
    errors: computed(() => {
      const fatal = known.value?.errors.filter((each) => each.fatal) ?? []
      return [...new Set(fatal.map((each) => each.line))].sort((a, b) => a - b)
    }),
    stages: computed(() => known.value?.stages.flatMap(section) ?? []),
    cause: computed(() =>
      failure.value
        ? { sentence: failure.value.sentence, line: failure.value.line ?? 0 }
        : undefined,
    ),
    steps: (of) =>
      of && known.value?.stages.length
        ? [queue(of), ...gate(of, known.value.stages.map(step))]
        : [],
    planned: computed(
      () =>
        known.value?.stages.some((each) => each.type === 'plan' && each.result === 'success') ??
        false,
    ),
  }
}
