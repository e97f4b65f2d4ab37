import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/project/:project(\\d+)/variables',
    name: 'variables',
    component: () => import('./VariablesPage.vue'),
    meta: { title: 'frame.nav.variables', manage: true },
  },
] satisfies RouteRecordRaw[]
