import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/project/:project(\\d+)/repositories',
    name: 'repositories',
    component: () => import('./RepositoriesPage.vue'),
    meta: { title: 'frame.nav.repositories', texts: ['keys'] },
  },
] satisfies RouteRecordRaw[]
