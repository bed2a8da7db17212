import type { MarkdownIt, StateBlock, StateInline } from 'markdown-it';

/** Pairs of marks around formulas, as models write them. */
const INLINE = [
  { open: '\\(', close: '\\)', display: false },
  { open: '\\[', close: '\\]', display: true },
  { open: '$$', close: '$$', display: true },
  { open: '$', close: '$', display: false },
] as const;

/** Finds formulas, and leaves places for them that `drawMath` fills. */
export function mathRules(md: MarkdownIt): void {
  md.inline.ruler.before('escape', 'math', inlineMath);
  md.block.ruler.before('fence', 'math_block', blockMath, {
    alt: ['paragraph', 'reference', 'blockquote', 'list'],
  });
  // What may be wider than its place is scrolled, also by keys.
  const place = (tag: string, text: string, display: boolean) =>
    `<${tag} class="math" data-display="${display}"${display ? ' tabindex="0"' : ''}>${md.utils.escapeHtml(text)}</${tag}>`;
  md.renderer.rules.math = (tokens, index) =>
    place('span', tokens[index].content, tokens[index].markup === 'display');
  md.renderer.rules.math_block = (tokens, index) => place('div', tokens[index].content, true);
}

function inlineMath(state: StateInline, silent: boolean): boolean {
  const { src, pos } = state;
  const marks = INLINE.find(({ open }) => src.startsWith(open, pos));
  if (!marks) return false;
  const start = pos + marks.open.length;
  const end = src.indexOf(marks.close, start);
  if (end < 0 || end === start) return false;
  const text = src.slice(start, end);
  // Sums of money are no formulas: a `$` of one stands before a blank, or after one, or before a digit.
  if (marks.open === '$' && (/^\s|\s$|\n/.test(text) || /\d/.test(src[end + 1] ?? ''))) return false;
  if (!silent) {
    const token = state.push('math', 'math', 0);
    token.content = text;
    token.markup = marks.display ? 'display' : 'inline';
  }
  state.pos = end + marks.close.length;
  return true;
}

function blockMath(state: StateBlock, startLine: number, endLine: number, silent: boolean): boolean {
  const first = lineOf(state, startLine);
  const marks = INLINE.find(({ open, display }) => display && first.startsWith(open));
  if (!marks) return false;
  const inOneLine = first.length > marks.open.length && first.endsWith(marks.close) && first.length >= 4;
  let last = startLine;
  if (!inOneLine) {
    do last++;
    while (last < endLine && !lineOf(state, last).endsWith(marks.close));
    if (last >= endLine) return false;
  }
  if (silent) return true;
  const lines = Array.from({ length: last - startLine + 1 }, (_, index) => lineOf(state, startLine + index));
  const text = lines.join('\n').trim();
  const token = state.push('math_block', 'math', 0);
  token.content = text.slice(marks.open.length, -marks.close.length).trim();
  token.map = [startLine, last + 1];
  state.line = last + 1;
  return true;
}

function lineOf(state: StateBlock, line: number): string {
  return state.src.slice(state.bMarks[line] + state.tShift[line], state.eMarks[line]).trimEnd();
}

type Katex = typeof import('./katex').katex;

let katex: Katex | undefined;
let loading: Promise<void> | undefined;

/** Draws the formulas below an element; the library comes with the first of them. A formula that it cannot read stays as it was written. */
export function drawMath(root: Element): void {
  const places = root.querySelectorAll<HTMLElement>('.math:not([data-drawn])');
  if (places.length === 0) return;
  if (katex) for (const place of places) drawFormula(katex, place);
  else {
    loading ??= import('./katex').then((module) => void (katex = module.katex));
    void loading.then(() => drawMath(root));
  }
}

function drawFormula(library: Katex, place: HTMLElement): void {
  const text = place.textContent ?? '';
  place.dataset.drawn = 'true';
  try {
    library.render(text, place, { displayMode: place.dataset.display === 'true', throwOnError: true });
  } catch {
    place.textContent = text;
    place.classList.add('unread');
  }
}
