// Light or dark: by the system, or as the user chose; a class of the document's root.
import { ref, watchEffect } from 'vue'
import { keep, recall } from './storage'

export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

const system = matchMedia('(prefers-color-scheme: dark)')
const systemDark = ref(system.matches)
const stored = recall('theme')

export const theme = ref<Theme>(THEMES.find((each) => each === stored) ?? 'system')

export function chooseTheme(chosen: Theme): void {
  theme.value = chosen
  keep('theme', chosen === 'system' ? null : chosen)
}

export function startTheme(): void {
  system.addEventListener('change', () => (systemDark.value = system.matches))
  watchEffect(() => {
    const dark = theme.value === 'system' ? systemDark.value : theme.value === 'dark'
    const { classList } = document.documentElement
    classList.toggle('dark', dark)
    classList.toggle('light', !dark)
  })
}
