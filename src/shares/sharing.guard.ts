import { type CanActivate, Injectable, UseGuards } from '@nestjs/common';
import { AppConfig } from '../config/app-config';
import { AppError } from '../errors/app-error';

export const sharingDisabled = () =>
  new AppError('not_found', 'sharing_disabled', 'Sharing is off in this service.');

/** Closes routes where `SHARING=off`. What was shared before can still be listed and taken back. */
@Injectable()
export class SharingGuard implements CanActivate {
  constructor(private readonly config: AppConfig) {}

  canActivate(): boolean {
    if (!this.config.sharing.enabled) throw sharingDisabled();
    return true;
  }
}

/** A route that there is only where conversations can be shared; its problems name `sharingDisabled`. */
export const SharingOnly = () => UseGuards(SharingGuard);
