import { JOB_BOUNDS } from '../config/bounds';
import { titleIn, titleMessages } from './title-text';

const MOST = JOB_BOUNDS.titleCharacters.limit;

describe('titleIn', () => {
  it.each([
    ['Two weeks in Norway', 'Two weeks in Norway'],
    ['  "Two weeks in Norway."\n', 'Two weeks in Norway'],
    ['Title: **Two weeks** in Norway', 'Two weeks in Norway'],
    ['\n\n# Two weeks in Norway\n\nHere is why', 'Two weeks in Norway'],
    ['“Don’t panic”', 'Don’t panic'],
    ["'It's a start'", "It's a start"],
    ['标题：《挪威两周》。', '挪威两周'],
    ['「ノルウェーの二週間」', 'ノルウェーの二週間'],
    ['C++ vs. Rust?', 'C++ vs. Rust?'],
    ['Wait …', 'Wait …'],
    ['🇳🇴', '🇳🇴'],
    ['a\u0000b\tc', 'a b c'],
  ])('of %j is %j', (written, title) => expect(titleIn(written)).toBe(title));

  it.each(['', ' \n', '"""', '...', '""\n\n\'\''])('of %j is none', (written) =>
    expect(titleIn(written)).toBeUndefined(),
  );

  it.each(['word '.repeat(40), 'x'.repeat(500), '挪'.repeat(500), '👩‍👩‍👧‍👦'.repeat(50), '🙂'.repeat(100)])(
    'of %j is short, and no character is cut',
    (written) => {
      const title = titleIn(written) ?? '';
      expect(title.length).toBeLessThanOrEqual(MOST);
      expect(title.isWellFormed()).toBe(true);
      expect(title).not.toMatch(/\u200D…$/u);
      expect(title.endsWith('…')).toBe(true);
    },
  );
});

describe('titleMessages', () => {
  it('shows a model the beginning of what was said, as what is to be named', () => {
    const [system, user] = titleMessages([
      { role: 'user', text: 'x'.repeat(100_000) },
      { role: 'assistant', text: 'Oslo.' },
    ]);
    expect(system.role).toBe('system');
    expect(user.content).toContain('Assistant: Oslo.');
    expect(user.content.length).toBeLessThan(JOB_BOUNDS.titleInput.limit + 200);
  });
});
