// The addresses. Each noun brings its own in pages/<noun>/routes.ts.
import {
  createRouter,
  createWebHistory,
  type RouteLocationNormalized,
  type RouteLocationRaw,
  type RouteRecordRaw,
} from 'vue-router'
import { basePath } from './base'
import { loadTexts, type Key, type Noun } from './locales'
import { ApiError } from './api/errors'
import { findUser, user } from './api/session'

declare module 'vue-router' {
  interface RouteMeta {
    /** the title in the top bar, unless the page sets one (frame/path.ts) */
    title?: Key
    /** the entry of the rail that is marked; by default the route's name */
    entry?: string
    /** shown only to those who may manage the project: the API shows it to nobody else */
    manage?: boolean
    /** shown without the frame, and to anybody */
    bare?: boolean
    /** nouns whose texts the page uses beside its own */
    texts?: Noun[]
  }
}

const found = import.meta.glob<{ default: RouteRecordRaw[] }>('./pages/*/routes.ts', {
  eager: true,
})

/** Return the routes of a noun, whose texts are loaded with them. */
function withTexts([file, module]: [string, { default: RouteRecordRaw[] }]): RouteRecordRaw[] {
  const noun = file.split('/')[2] as Noun
  return module.default.map((each) => ({
    ...each,
    meta: { ...each.meta, texts: [noun, ...(each.meta?.texts ?? [])] },
  }))
}

export const router = createRouter({
  history: createWebHistory(basePath),
  routes: [
    ...Object.entries(found).flatMap(withTexts),
    {
      path: '/:path(.*)*',
      name: 'not-found',
      component: () => import('./frame/NotFound.vue'),
      meta: { title: 'common.notFound.title' },
    },
  ],
  // a page that has just been opened is at its top: asking would only compute the layout early
  scrollBehavior: (_to, from, saved) => saved ?? (from.matched.length > 0 && { top: 0 }),
})

/** Where to go after a login: a path of this page, never another site. */
export function pathAfterLogin(next: unknown): string {
  return typeof next === 'string' && /^\/(?![/\\])/.test(next) ? next : '/'
}

/** Begin to load the page's code while the server is asked who is logged in. */
function preload(to: RouteLocationNormalized): void {
  for (const record of to.matched) {
    const page = record.components?.default
    if (typeof page === 'function') (page as () => Promise<unknown>)().catch(() => undefined)
  }
}

router.beforeEach(async (to) => {
  preload(to)
  const texts = loadTexts('common', 'frame', ...(to.meta.texts ?? []))
  const allowed = await isAllowed(to)
  await texts
  return allowed
})

/** Whether somebody is logged in, or where to go instead. */
async function isAllowed(to: RouteLocationNormalized): Promise<true | RouteLocationRaw> {
  if (to.meta.bare || user.value) return true
  try {
    if (await findUser()) return true
  } catch (error) {
    // the frame says that the server does not answer, and tries again
    if (error instanceof ApiError) return true
    throw error
  }
  const next = to.fullPath === '/' ? undefined : to.fullPath
  return { name: 'login', query: { next } }
}
