// What the palette finds without any page: pages, projects, theme and language.
import { projects } from '@/api/projects'
import { admin } from '@/api/session'
import { entriesOf } from '@/frame/nav'
import { chooseLanguage, LANGUAGES, t, type Language } from '@/locales'
import { chooseTheme } from '@/theme'
import { addSource } from './sources'

addSource({
  group: 'go',
  read: (project) =>
    entriesOf(project, admin.value).map(({ entry, to, administrates }) => ({
      label: t(entry.label),
      suffix: administrates ? t('frame.administration') : undefined,
      icon: entry.icon,
      to,
    })),
})

addSource({
  group: 'go',
  read: () => [
    { label: t('frame.account.settings'), icon: 'i-lucide-user', to: { name: 'account' } },
  ],
})

addSource({
  group: 'go',
  read: (project) =>
    (projects.value ?? [])
      .filter((each) => each.id !== project)
      .map((each) => ({
        label: each.name,
        suffix: t('frame.palette.project'),
        icon: 'i-lucide-folder',
        to: { name: 'dashboard', params: { project: each.id } },
      })),
})

addSource({
  group: 'act',
  read: () => [
    { label: t('frame.palette.light'), icon: 'i-lucide-sun', run: () => chooseTheme('light') },
    { label: t('frame.palette.dark'), icon: 'i-lucide-moon', run: () => chooseTheme('dark') },
    {
      label: t('frame.palette.system'),
      icon: 'i-lucide-sun-moon',
      run: () => chooseTheme('system'),
    },
    ...(Object.keys(LANGUAGES) as Language[]).map((each) => ({
      label: LANGUAGES[each],
      suffix: t('frame.account.language'),
      icon: 'i-lucide-languages',
      run: () => void chooseLanguage(each),
    })),
  ],
})
