import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/project/:project(\\d+)/activity',
    name: 'activity',
    component: () => import('./ActivityPage.vue'),
    meta: { title: 'frame.nav.activity' },
  },
  {
    path: '/admin/activity',
    name: 'admin-activity',
    component: () => import('./ActivityPage.vue'),
    meta: { title: 'frame.nav.activity' },
  },
] satisfies RouteRecordRaw[]
