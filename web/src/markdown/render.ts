import MarkdownIt, { type Env, type Token } from 'markdown-it';
import { highlighter } from './highlight';
import { mathRules } from './math';

/** One top-level block of a text: what is drawn again when, and only when, its source changes. */
export interface Block {
  kind: 'html' | 'code';
  source: string;
  html: string;
  /** Of a code block. */
  language: string;
  code: string;
  /** The fence is not closed yet. */
  open: boolean;
}

interface Read {
  block: Block;
  /** Where it ends in the text. */
  end: number;
  /** Of its last heading, or of the one before it. */
  level: number;
}

export interface Labels {
  copy: string;
}

const md = new MarkdownIt({ html: false, linkify: true, typographer: false, breaks: false });
md.use(mathRules);

/** Text of any direction is laid out by its own first letters. */
const DIRECTED = new Set([
  'paragraph_open',
  'heading_open',
  'list_item_open',
  'blockquote_open',
  'th_open',
  'td_open',
]);
md.core.ruler.push('direction', ({ tokens }) => {
  for (const token of tokens) if (DIRECTED.has(token.type)) token.attrSet('dir', 'auto');
});
md.renderer.rules.table_open = () => '<div class="table" tabindex="0" role="group"><table>';
md.renderer.rules.table_close = () => '</table></div>';
/** Links leave the page as it is. */
md.core.ruler.push('links', ({ tokens }) => {
  for (const token of tokens.flatMap(({ children }) => children ?? [])) {
    if (token.type !== 'link_open' || String(token.attrGet('href')).startsWith('#')) continue;
    token.attrSet('target', '_blank');
    token.attrSet('rel', 'noopener noreferrer');
  }
});
/** A picture from elsewhere would tell its server who reads what: it is a link instead. */
md.renderer.rules.image = (tokens, index) => {
  const token = tokens[index];
  const source = md.utils.escapeHtml(String(token.attrGet('src') ?? ''));
  const text = md.utils.escapeHtml(token.content || String(token.attrGet('src') ?? ''));
  return `<a href="${source}" target="_blank" rel="noopener noreferrer" class="picture">${text}</a>`;
};
md.renderer.rules.fence = (tokens, index, _options, env) => codeHtml(tokens[index], String(env?.copy));
md.renderer.rules.code_block = md.renderer.rules.fence;

/** A code block inside of a list or a quotation; the others are components. */
function codeHtml({ info, content }: Token, copy: string): string {
  const language = languageOf(info);
  const escape = md.utils.escapeHtml;
  return (
    `<div class="code" dir="ltr"><div class="code-head"><span>${escape(language)}</span>` +
    `<button type="button" class="copy-code">${escape(copy)}</button></div>` +
    `<pre tabindex="0"><code>${highlighter.html(content, language)}</code></pre></div>`
  );
}

function languageOf(info: string): string {
  return info.trim().split(/\s+/)[0] ?? '';
}

/** Of the heading that says who speaks. */
const FIRST_LEVEL = 2;

const CLOSED_FENCE = /\n[ \t]*(`{3,}|~{3,})[ \t]*\n*$/;

/**
 * Splits a growing text into its top-level blocks. All but the last two of them are never looked at again while the text grows, so that a long
 * reply costs as little per word as a short one.
 */
export class BlockReader {
  private text = '';
  private settled: Block[] = [];
  private settledLength = 0;
  /** Level of the last settled heading: none may be more than one below it, for readers who go by headings. */
  private settledLevel = FIRST_LEVEL;

  constructor(private readonly labels: Labels) {}

  read(text: string, isWhole: boolean): Block[] {
    const grew = text.startsWith(this.text) && !isWhole;
    this.text = text;
    if (!grew) {
      const before = new Map(this.settled.map((block) => [block.source, block]));
      this.settledLength = 0;
      this.settledLevel = FIRST_LEVEL;
      this.settled = [];
      return this.blocksOf(text, before).map(({ block }) => block);
    }
    const blocks = this.blocksOf(text.slice(this.settledLength));
    const done = blocks.slice(0, -2);
    const start = this.settledLength;
    for (const { block, end, level } of done) {
      this.settledLevel = level;
      this.settled.push(block);
      this.settledLength = start + end;
    }
    return [...this.settled, ...blocks.slice(done.length).map(({ block }) => block)];
  }

  private blocksOf(text: string, known?: Map<string, Block>): Read[] {
    const env: Env = { ...this.labels };
    const tokens = md.parse(text, env);
    const lines = offsetsOf(text);
    const blocks: Read[] = [];
    let level = this.settledLevel;
    for (let from = 0; from < tokens.length;) {
      let to = from + 1;
      if (tokens[from].nesting === 1)
        while (tokens[to - 1].level !== 0 || tokens[to - 1].nesting !== -1) to++;
      const [first, last] = tokens[from].map ?? [0, lines.length - 1];
      const end = lines[Math.min(last, lines.length - 1)];
      const source = text.slice(lines[first], end);
      const own = tokens.slice(from, to);
      level = levelHeadings(own, level);
      blocks.push({ block: known?.get(source) ?? this.block(own, source, env), end, level });
      from = to;
    }
    return blocks;
  }

  private block(tokens: Token[], source: string, env: Env): Block {
    const [{ type, info, content }] = tokens;
    if (type === 'fence' || type === 'code_block') {
      const open = type === 'fence' && !CLOSED_FENCE.test(source);
      return { kind: 'code', source, html: '', language: languageOf(info), code: content, open };
    }
    const html = md.renderer.render(tokens, md.options, env);
    return { kind: 'html', source, html, language: '', code: '', open: false };
  }
}

/** Answers the level of the last heading. */
function levelHeadings(tokens: Token[], before: number): number {
  let level = before;
  for (const token of tokens) {
    if (token.type === 'heading_open') level = Math.min(Number(token.tag.slice(1)), level + 1);
    if (token.type === 'heading_open' || token.type === 'heading_close') token.tag = `h${level}`;
  }
  return level;
}

/** Where each line begins, and where the text ends. */
function offsetsOf(text: string): number[] {
  const offsets = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) offsets.push(at + 1);
  if (offsets.at(-1) !== text.length) offsets.push(text.length);
  return offsets;
}
