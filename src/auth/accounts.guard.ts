import { type CanActivate, Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config';
import { noAccountsHere } from './auth.errors';

/** For routes that make sense only with accounts of our own. */
@Injectable()
export class AccountsGuard implements CanActivate {
  constructor(private readonly config: AppConfig) {}

  canActivate(): boolean {
    if (this.config.auth.mode !== 'token') throw noAccountsHere();
    return true;
  }
}
