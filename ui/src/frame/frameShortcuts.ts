// The keys that work on every page.
import { onScopeDispose, watchEffect, effectScope, type EffectScope } from 'vue'
import { useRouter } from 'vue-router'
import { t } from '@/locales'
import { paletteOpen } from '@/palette/open'
import { groups, target } from './nav'
import { pressed, shortcutsShown, useShortcuts } from './shortcuts'

export function useFrameShortcuts(): void {
  const router = useRouter()
  useShortcuts([
    { keys: '/', label: () => t('frame.search'), run: () => (paletteOpen.value = true) },
    { keys: '?', label: () => t('frame.shortcuts'), run: () => (shortcutsShown.value = true) },
  ])
  let entries: EffectScope | undefined
  watchEffect(() => {
    entries?.stop()
    entries = effectScope(true)
    const wanted = groups.value.flat().map((entry) => ({
      keys: `g ${entry.letter}`,
      label: () => t('frame.goTo', { name: t(entry.label) }),
      run: () => void router.push(target(entry)),
    }))
    entries.run(() => useShortcuts(wanted))
  })
  const palette = (event: KeyboardEvent) => {
    if (!(event.ctrlKey || event.metaKey) || event.key !== 'k') return
    event.preventDefault()
    paletteOpen.value = !paletteOpen.value
  }
  document.addEventListener('keydown', pressed)
  document.addEventListener('keydown', palette)
  onScopeDispose(() => {
    entries?.stop()
    document.removeEventListener('keydown', pressed)
    document.removeEventListener('keydown', palette)
  })
}
