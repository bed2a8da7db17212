import { ValidateBy } from 'class-validator';
import { isEmail, isUsername } from '../account-names';

export const IsUsername = () =>
  ValidateBy({
    name: 'isUsername',
    validator: {
      validate: isUsername,
      defaultMessage: () => 'must have 3 to 64 letters, digits, dots, underscores or hyphens',
    },
  });

export const IsEmailAddress = () =>
  ValidateBy({
    name: 'isEmailAddress',
    validator: { validate: isEmail, defaultMessage: () => 'must be an e-mail address' },
  });
