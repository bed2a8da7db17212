import { type Component, defineAsyncComponent } from 'vue';
import { i18n } from '../locales/i18n';
import { session } from '../state/session';
import GeneralPanel from './GeneralPanel.vue';
import PanelFailure from './parts/PanelFailure.vue';

export interface Panel {
  /** In the address: `#/settings/<name>`. */
  name: string;
  label: () => string;
  component: Component;
  /** Whether this user has any use for it here. */
  isOffered: () => boolean;
}

const { t } = i18n.global;

/** Loaded when it is opened, with its words (`words.ts`): few people open it. */
function whenOpened(loader: () => Promise<{ default: Component }>): Component {
  return defineAsyncComponent({ loader, errorComponent: PanelFailure });
}

/**
 * What the settings have, in this order. A further panel is a component in this folder and a line here; it is offered where the service names
 * its feature.
 */
export const PANELS: readonly Panel[] = [
  { name: 'general', label: () => t('settings.general'), component: GeneralPanel, isOffered: () => true },
  {
    name: 'account',
    label: () => t('settings.panels.account'),
    component: whenOpened(() => import('./AccountPanel.vue')),
    isOffered: () => true,
  },
  {
    name: 'usage',
    label: () => t('settings.panels.usage'),
    component: whenOpened(() => import('./UsagePanel.vue')),
    isOffered: () => true,
  },
  {
    name: 'providers',
    label: () => t('settings.panels.providers'),
    component: whenOpened(() => import('./ProvidersPanel.vue')),
    isOffered: () => session.can('providers'),
  },
  {
    name: 'keys',
    label: () => t('settings.panels.keys'),
    component: whenOpened(() => import('./ApiKeysPanel.vue')),
    isOffered: () => session.can('api_keys'),
  },
  {
    name: 'jobs',
    label: () => t('settings.panels.jobs'),
    component: whenOpened(() => import('./JobsPanel.vue')),
    isOffered: () => session.can('jobs'),
  },
  {
    name: 'users',
    label: () => t('settings.panels.users'),
    component: whenOpened(() => import('./UsersPanel.vue')),
    isOffered: () => session.isAdmin.value,
  },
  {
    name: 'feedback',
    label: () => t('settings.panels.feedback'),
    component: whenOpened(() => import('./FeedbackPanel.vue')),
    isOffered: () => session.isAdmin.value && session.can('feedback'),
  },
];
