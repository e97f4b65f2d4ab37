import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/admin/apps',
    name: 'admin-apps',
    component: () => import('./AppsPage.vue'),
    meta: { title: 'frame.nav.apps' },
  },
  {
    path: '/admin/options',
    name: 'admin-options',
    component: () => import('./OptionsPage.vue'),
    meta: { title: 'frame.nav.options' },
  },
] satisfies RouteRecordRaw[]
