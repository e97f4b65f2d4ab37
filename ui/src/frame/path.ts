// The path in the top bar: the page's title, and what is above it.
import { onScopeDispose, shallowRef, watchEffect } from 'vue'
import type { RouteLocationRaw } from 'vue-router'

export interface Step {
  label: string
  to: RouteLocationRaw
}

export interface Path {
  up: Step[]
  title: string
}

export const path = shallowRef<Path | null>(null)

/** Show the path that *make* returns while the calling page is shown. */
export function usePath(make: () => Path | null): void {
  let mine: Path | null = null
  watchEffect(() => (path.value = mine = make()))
  onScopeDispose(() => {
    if (path.value === mine) path.value = null
  })
}
