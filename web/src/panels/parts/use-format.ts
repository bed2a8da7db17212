import { useI18n } from 'vue-i18n';

/** Numbers and times as people of the chosen language write them. */
export function useFormat() {
  const { locale } = useI18n();
  const tag = () => (locale.value === 'zh' ? 'zh-CN' : locale.value);
  const time = (value: string, options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(tag(), options).format(new Date(value));
  return {
    number: (value: number) => new Intl.NumberFormat(tag()).format(value),
    short: (value: number) =>
      new Intl.NumberFormat(tag(), { notation: 'compact', maximumFractionDigits: 1 }).format(value),
    average: (value: number) => new Intl.NumberFormat(tag(), { maximumFractionDigits: 1 }).format(value),
    /** US dollars. */
    cost: (value: number) =>
      new Intl.NumberFormat(tag(), {
        style: 'currency',
        currency: 'USD',
        ...(value !== 0 && value < 0.1 ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 2 }),
      }).format(value),
    /** A day that the service names, which is one of UTC. */
    day: (value: string) => time(value, { month: 'short', day: 'numeric', timeZone: 'UTC' }),
    date: (value: string) => time(value, { dateStyle: 'medium' }),
    moment: (value: string) => time(value, { dateStyle: 'medium', timeStyle: 'short' }),
  };
}
