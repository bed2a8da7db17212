import { i18n } from '../locales/i18n';
import { en } from './words.en';
import { zh } from './words.zh';

// Words of the panels, which come with the first of them.
i18n.global.mergeLocaleMessage('en', en);
i18n.global.mergeLocaleMessage('zh', zh);
