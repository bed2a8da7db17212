import { watch } from 'vue';
import { createI18n } from 'vue-i18n';
import { language } from '../state/preferences';
import { en } from './en';
import { zh } from './zh';

const ofBrowser =
  navigator.languages.some((each) => /^zh\b/i.test(each)) && !/^en\b/i.test(navigator.language) ? 'zh' : 'en';

export const i18n = createI18n({
  legacy: false,
  locale: language.value || ofBrowser,
  fallbackLocale: 'en',
  messages: { en, zh },
});

watch(language, (chosen) => (i18n.global.locale.value = chosen || ofBrowser));
watch(i18n.global.locale, (now) => (document.documentElement.lang = now === 'zh' ? 'zh-CN' : now), {
  immediate: true,
});
