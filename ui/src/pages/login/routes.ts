import type { RouteRecordRaw } from 'vue-router'

export default [
  {
    path: '/login',
    name: 'login',
    component: () => import('./LoginPage.vue'),
    meta: { bare: true, title: 'login.title' },
  },
] satisfies RouteRecordRaw[]
