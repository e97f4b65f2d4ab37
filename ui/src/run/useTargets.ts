// The hosts that the run of the dialog is for, and how many of them it reaches.
import { computed, type ComputedRef } from 'vue'
import type { Schemas } from '@/api/client'
import { t } from '@/locales'
import type { RunWish } from './ask'
import { lacksHosts, limitOf } from './draft'
import { leavingOut } from './reach'
import { useHosts, type RunHosts } from './useHosts'
import type { Run } from './useRun'

export interface Targets {
  inventory: ComputedRef<Schemas['Inventory'] | undefined>
  /** that the run which is repeated used another inventory; else empty */
  other: ComputedRef<string>
  limit: ComputedRef<string>
  known: RunHosts
  /** whether hosts are to be chosen and none is */
  lacks: ComputedRef<boolean>
  /** how many hosts the run reaches; undefined if that is not known */
  count: ComputedRef<number | undefined>
  /** Choose no host that did not answer the check. */
  leaveOut: () => void
}

export function useTargets({ material, draft }: Run, wish: RunWish): Targets {
  const loaded = material.data
  const inventory = computed(() => {
    const isAnsible = loaded.value?.template.app === 'ansible'
    const id = isAnsible ? (draft.value?.inventory ?? 0) : 0
    return loaded.value?.inventories.find((each) => each.id === id)
  })
  const other = computed(() => {
    if (!wish.inventory || !inventory.value || inventory.value.id === wish.inventory) return ''
    const used = loaded.value?.inventories.find((each) => each.id === wish.inventory)
    return used ? t('run.hosts.usedOther', { name: used.name }) : t('run.hosts.usedDeleted')
  })
  const entered = computed(() =>
    loaded.value && draft.value ? ([loaded.value.template, draft.value] as const) : undefined,
  )
  const limit = computed(() => (entered.value ? limitOf(...entered.value) : ''))
  const lacks = computed(() => entered.value !== undefined && lacksHosts(...entered.value))
  const known = useHosts(
    wish.project,
    computed(() => inventory.value?.id),
    computed(() => inventory.value?.repository_id ?? loaded.value?.repository.id),
    computed(() => (lacks.value ? undefined : limit.value)),
  )
  const count = computed(() => {
    if (lacks.value) return undefined
    const isAsked = limit.value === wish.limit?.join(',')
    return known.reached.value?.hosts.length ?? (isAsked ? wish.limit?.length : undefined)
  })
  function leaveOut(): void {
    if (!draft.value) return
    draft.value.limit = leavingOut(limit.value, known.silent.value)
    draft.value.some = true
  }
  return { inventory, other, limit, known, lacks, count, leaveOut }
}
