import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/project/:project(\\d+)/keys',
    name: 'keys',
    component: () => import('./KeysPage.vue'),
    meta: { title: 'frame.nav.keys', manage: true },
  },
] satisfies RouteRecordRaw[]
