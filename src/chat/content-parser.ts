import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config';
import type { AppError } from '../errors/app-error';
import { validationFailed } from '../http/validation.pipe';

interface Texts {
  content?: string;
  message?: string;
}

/** Validates the text of user messages. Called by controllers and `SocketCommands`. */
@Injectable()
export class ContentParser {
  constructor(private readonly config: AppConfig) {}

  /**
   * The text that is given as either `content` or `message`.
   * @throws AppError `validation_failed` for none, both, or one that is blank or longer than `CHAT_MAX_CONTENT_CHARS`
   */
  parseContent({ content, message }: Texts): string {
    if (content !== undefined && message !== undefined)
      throw invalidField('message', 'must be absent where content is given');
    const path = content === undefined && message !== undefined ? 'message' : 'content';
    const text = content ?? message;
    const max = this.config.chat.maxContentChars;
    if (text === undefined) throw invalidField(path, 'must be a string');
    if (text.trim() === '') throw invalidField(path, 'must not be empty');
    if (text.length > max && lengthOf(text) > max)
      throw invalidField(path, `must be at most ${max} characters long`);
    return text;
  }
}

function invalidField(path: string, message: string): AppError {
  return validationFailed([{ path, message }]);
}

/** Length in code points, roughly as a person counts: an emoji outside the basic plane is one. */
function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}
