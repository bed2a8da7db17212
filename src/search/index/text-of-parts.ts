/** SQL of a row `(text)`: what is said in the parts of a message (a jsonb), as it is searched and shown by search. */
export function textOfParts(parts: string): string {
  return `SELECT COALESCE(string_agg(p.value ->> 'text', '' ORDER BY p.ord), '') AS text
     FROM jsonb_array_elements(${parts}) WITH ORDINALITY AS p (value, ord) WHERE p.value ->> 'type' = 'text'`;
}
