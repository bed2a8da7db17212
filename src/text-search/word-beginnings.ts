import { stemmer } from 'stemmer';

/** Endings that the stemmer takes away, and those that lead to further ones. */
const ENDINGS = (
  's es ies ed ied ing ings er ers ly y e al ally ic ical ically able ' +
  'ably ible ibly ability ibility ance ances ence ences ant ants ent ents ently ion ions tion ation ' +
  'ations ational ition izer ize ized izing ization ate ated ating ator ative ativity ive ively iveness ivity ' +
  'ity ism ful fully fulness ous ously ousness ment ments ement ness nesses icate alism ality alize'
).split(' ');
const WORD = /^[a-z]{3,63}$/;

/**
 * Stems of the words that begin with what has been typed and that do not themselves begin with it: `runn` goes on to `running`, whose
 * stem is `run`.
 */
export function stemsBegunBy(typed: string): Set<string> {
  const stems = new Set<string>();
  if (!WORD.test(typed)) return stems;
  const add = (word: string) => {
    const stem = stemmer(word);
    if (!stem.startsWith(typed)) stems.add(stem);
  };
  add(typed);
  for (const ending of ENDINGS)
    for (let begun = 0; begun < ending.length; begun++)
      if (typed.length - begun >= 3 && typed.endsWith(ending.slice(0, begun)))
        add(typed + ending.slice(begun));
  return stems;
}
