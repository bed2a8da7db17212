import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config';
import { HTTP_BOUNDS } from '../config/bounds';
import { overloaded, tooManyUploads } from './http-errors';

/** What one body takes of it. */
export interface BodyShare {
  /** @throws {AppError} `too_many_uploads`, `overloaded` */
  take(bytes: number): void;
  give(bytes: number): void;
}

/** How much of unfinished bodies is held in memory, by all and by each network. What has come whole is not held, but worked on. */
@Injectable()
export class BodyMemory {
  private readonly ofProcess: number;
  private readonly ofNetwork: number;
  private used = 0;
  private readonly usedBy = new Map<string, number>();

  constructor({ http, limits }: AppConfig) {
    // A limit that the operator raised must leave room for bodies that long.
    this.ofProcess = Math.max(HTTP_BOUNDS.bodiesOfProcess.limit, 4 * http.bodyLimitBytes);
    const ofNetwork = Math.max(HTTP_BOUNDS.bodiesOfNetwork.limit, 2 * http.bodyLimitBytes);
    // Who takes away the limit of networks has them all behind one address.
    this.ofNetwork = limits.address > 0 ? ofNetwork : Infinity;
  }

  /** @param network undefined where only proxies are to be seen */
  shareOf(network = ''): BodyShare {
    const most = network === '' ? Infinity : this.ofNetwork;
    return {
      take: (bytes) => {
        const used = (this.usedBy.get(network) ?? 0) + bytes;
        if (used > most) throw tooManyUploads();
        if (this.used + bytes > this.ofProcess) throw overloaded();
        this.used += bytes;
        this.usedBy.set(network, used);
      },
      give: (bytes) => {
        this.used -= bytes;
        const used = (this.usedBy.get(network) ?? 0) - bytes;
        if (used > 0) this.usedBy.set(network, used);
        else this.usedBy.delete(network);
      },
    };
  }
}
