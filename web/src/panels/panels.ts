import type { Component } from 'vue';
import { i18n } from '../locales/i18n';
import GeneralPanel from './GeneralPanel.vue';

export interface Panel {
  /** In the address: `#/settings/<name>`. */
  name: string;
  label: () => string;
  component: Component;
  /** Whether this user has any use for it here. */
  isOffered: () => boolean;
}

const { t } = i18n.global;

/**
 * What the settings have, in this order. A further panel is a component in this folder and a line here; those that few people open are loaded
 * when they are opened: `defineAsyncComponent(() => import('./KeysPanel.vue'))`.
 */
export const PANELS: readonly Panel[] = [
  { name: 'general', label: () => t('settings.general'), component: GeneralPanel, isOffered: () => true },
];
