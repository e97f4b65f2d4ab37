// The log of a task as its page shows it; it begins once the task is known.
import { computed, effectScope, onScopeDispose, shallowRef, watch, type Ref } from 'vue'
import { isFinal } from '@/components/status'
import { causeOf, type Cause } from './cause'
import { useLog, type LogModel } from './log/useLog'
import { useOutput } from './output'
import type { Task } from './task'
import type { LogAddress } from './address'
import type { Results } from './useResults'

export type TaskLog = LogModel & { cause: Ref<Cause | undefined> }

export function useTaskLog(
  project: number,
  id: number,
  task: Ref<Task | undefined>,
  results: Results,
  address: LogAddress,
): Ref<TaskLog | undefined> {
  const feed = useOutput(project, id)
  const model = shallowRef<TaskLog>()
  const scope = effectScope()
  onScopeDispose(() => scope.stop())

  const ended = computed(() => {
    if (!task.value || !isFinal(task.value)) return undefined
    return task.value.status === 'error' ? ('failed' as const) : ('well' as const)
  })
  const errors = computed(() => {
    const { value } = results.errors
    const { value: cause } = results.cause
    return value.length === 0 && cause?.line ? [cause.line] : value
  })
  const stop = watch(
    task,
    (known) => {
      if (!known) return
      stop.stop()
      scope.run(() => {
        const log = useLog({
          feed,
          ended,
          errors,
          stages: results.stages,
          line: address.line,
          host: address.host,
          find: address.find.value,
        })
        watch(log.search.text, (text) => (address.find.value = text))
        const cause = computed(() => {
          void feed.version.value
          return results.cause.value ?? (feed.complete.value ? causeOf(feed) : undefined)
        })
        model.value = { ...log, cause }
      })
    },
    { immediate: true },
  )
  return model
}
