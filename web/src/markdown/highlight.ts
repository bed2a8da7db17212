import { ref } from 'vue';

type Highlight = (code: string, language: string) => string | undefined;

/** Set when the library has come, which is loaded with the first code. */
const ready = ref(false);
let highlight: Highlight | undefined;
let loading: Promise<void> | undefined;

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

async function load(): Promise<void> {
  ({ highlight } = await import('./languages'));
  ready.value = true;
}

export const highlighter = {
  ready,
  /** The code as HTML: coloured if its language is known and the library is there. */
  html(code: string, language: string): string {
    if (!highlight) this.load();
    // Read, so that whoever draws this draws it again.
    const coloured = ready.value ? highlight?.(code, language) : undefined;
    return coloured ?? code.replace(/[&<>"]/g, (sign) => ESCAPES[sign]);
  },
  load(): void {
    loading ??= load();
  },
};
