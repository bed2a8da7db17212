const USERNAME = /^[\p{L}\p{N}._-]{3,64}$/u;
const EMAIL = /^[^\s@\p{C}]{1,64}@[^\s@\p{C}]{1,255}$/u;

export const MAX_EMAIL = 254;

/**
 * The form in which names are compared: whatever looks the same to Unicode's compatibility rules, in whatever case, is one name.
 * Folding to upper case first also makes one of the letters that have two lower cases.
 */
export function nameKey(name: string): string {
  return name.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');
}

/** 3 to 64 letters, digits, dots, underscores and hyphens, also after folding. Never an `@`, so that it cannot be an address. */
export function isUsername(name: unknown): name is string {
  return typeof name === 'string' && USERNAME.test(name) && USERNAME.test(nameKey(name));
}

/** Whether it can be somebody's address; whether it is, only a letter to it would tell. */
export function isEmail(address: unknown): address is string {
  return typeof address === 'string' && isShortAddress(address) && isShortAddress(nameKey(address));
}

function isShortAddress(address: string): boolean {
  return address.length <= MAX_EMAIL && EMAIL.test(address);
}
