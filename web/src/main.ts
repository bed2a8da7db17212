import { createApp } from 'vue';
import App from './App.vue';
import { i18n } from './locales/i18n';
import { session } from './state/session';
import './styles/tokens.css';
import './styles/base.css';
import './styles/prose.css';

createApp(App).use(i18n).mount('#app');
void session.begin();
