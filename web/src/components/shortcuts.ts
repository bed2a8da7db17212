const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent);
const MAIN = isMac ? '⌘' : 'Ctrl';

export const SHORTCUTS = [
  { name: 'new', keys: [MAIN, 'Shift', 'O'] },
  { name: 'search', keys: [MAIN, 'K'] },
  { name: 'focus', keys: ['Shift', 'Esc'] },
  { name: 'side', keys: [MAIN, 'Shift', 'S'] },
  { name: 'stop', keys: ['Esc'] },
] as const;

export type ShortcutName = (typeof SHORTCUTS)[number]['name'];

/** Which of them these keys are. */
export function shortcutOf({
  key,
  ctrlKey,
  metaKey,
  shiftKey,
  defaultPrevented,
  isComposing,
}: KeyboardEvent): ShortcutName | undefined {
  // Keys with which a word is composed are the input method's.
  if (defaultPrevented || isComposing) return undefined;
  const main = isMac ? metaKey : ctrlKey;
  if (key === 'Escape') return shiftKey ? 'focus' : 'stop';
  if (!main) return undefined;
  if (key.toLowerCase() === 'k' && !shiftKey) return 'search';
  if (!shiftKey) return undefined;
  return ({ o: 'new', s: 'side' } as const)[key.toLowerCase()];
}
