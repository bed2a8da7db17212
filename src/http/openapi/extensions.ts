/** Marks operations that need no identity while the document is built; it is not in the finished document. */
export const PUBLIC_EXTENSION = 'x-public';
