// Icons and names of the themes.
import type { Key } from '@/locales'
import type { Theme } from '@/theme'

export const THEME_ICONS: Record<Theme, string> = {
  system: 'i-lucide-sun-moon',
  light: 'i-lucide-sun',
  dark: 'i-lucide-moon',
}

export const THEME_NAMES: Record<Theme, Key> = {
  system: 'frame.theme.system',
  light: 'frame.theme.light',
  dark: 'frame.theme.dark',
}
