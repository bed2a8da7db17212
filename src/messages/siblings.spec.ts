import { withSiblings } from './siblings';

describe('withSiblings', () => {
  const child = (id: string, parent_id: string | null) => ({ id, parent_id });

  it('counts versions per parent, oldest first', () => {
    const children = [child('a', null), child('b', 'a'), child('c', 'a'), child('d', 'a')];
    const [a, c] = withSiblings([child('a', null), child('c', 'a')], children);
    expect(a).toMatchObject({ sibling_count: 1, sibling_position: 1 });
    expect(c).toMatchObject({ sibling_count: 3, sibling_position: 2 });
  });

  it('takes first messages of a conversation for versions of each other', () => {
    const roots = [child('a', null), child('b', null)];
    expect(withSiblings([roots[1]], roots)[0]).toMatchObject({ sibling_count: 2, sibling_position: 2 });
  });
});
