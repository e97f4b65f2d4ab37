import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/project/:project(\\d+)/settings',
    name: 'settings',
    component: () => import('./SettingsPage.vue'),
    meta: { title: 'frame.nav.settings' },
  },
] satisfies RouteRecordRaw[]
