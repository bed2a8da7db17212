const REPLACEMENT = '\uFFFD';

/**
 * Makes one channel's text safe to store and to send: no NUL (PostgreSQL refuses it) and no lone surrogates.
 * A pair that a provider splits over two deltas is put together again.
 */
export class TextSanitiser {
  private held = '';

  push(delta: string): string {
    let text = this.held + delta;
    this.held = '';
    if (endsInHighSurrogate(text)) {
      this.held = text.slice(-1);
      text = text.slice(0, -1);
    }
    return clean(text);
  }

  /** What is held back and will not be completed any more. */
  end(): string {
    const rest = this.held && REPLACEMENT;
    this.held = '';
    return rest;
  }
}

function clean(text: string): string {
  const wellFormed = text.isWellFormed() ? text : text.toWellFormed();
  return wellFormed.includes('\0') ? wellFormed.replaceAll('\0', REPLACEMENT) : wellFormed;
}

function endsInHighSurrogate(text: string): boolean {
  return (text.charCodeAt(text.length - 1) & 0xfc00) === 0xd800;
}
