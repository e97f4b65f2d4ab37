import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/project/:project(\\d+)/team',
    name: 'team',
    component: () => import('./TeamPage.vue'),
    meta: { title: 'frame.nav.team' },
  },
] satisfies RouteRecordRaw[]
