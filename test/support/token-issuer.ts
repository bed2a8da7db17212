import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

/** An identity service: publishes its keys and signs tokens. */
export class TokenIssuer {
  readonly issuer = 'https://issuer.example';
  readonly audience = 'parley-tests';
  /** How often its keys were asked for. */
  asked = 0;
  /** Instead of its keys it answers an error. */
  down = false;
  private readonly keys = new Map<string, KeyPair & { alg: string }>();
  private constructor(private readonly server: Server) {}

  static async start(): Promise<TokenIssuer> {
    const server = createServer();
    const issuer = new TokenIssuer(server);
    server.on('request', (_request, response) => {
      issuer.asked += 1;
      if (issuer.down) response.writeHead(503).end();
      else void issuer.published().then((keys) => response.end(JSON.stringify({ keys })));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await issuer.addKey('first');
    return issuer;
  }

  get env(): NodeJS.ProcessEnv {
    const { port } = this.server.address() as AddressInfo;
    const JWKS_URL = `http://127.0.0.1:${port}/jwks.json`;
    return { AUTH_MODE: 'jwks', JWKS_URL, JWT_ISSUER: this.issuer, JWT_AUDIENCE: this.audience };
  }

  async addKey(kid: string, alg = 'ES256'): Promise<void> {
    this.keys.set(kid, { ...(await generateKeyPair(alg, { extractable: true })), alg });
  }

  dropKey(kid: string): void {
    this.keys.delete(kid);
  }

  /** A token of this user, with whatever else about it is to be otherwise; undefined leaves a claim out. */
  async token(
    sub: string | undefined,
    claims: object = {},
    kid = 'first',
    header: object = {},
  ): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const usual = { iss: this.issuer, aud: this.audience, sub, iat: now, exp: now + 300 };
    const payload = Object.fromEntries(
      Object.entries({ ...usual, ...claims }).filter(([, value]) => value !== undefined),
    ) as JWTPayload;
    const key = this.keys.get(kid);
    if (!key) throw new Error(`There is no key ${kid}`);
    return new SignJWT(payload).setProtectedHeader({ alg: key.alg, kid, ...header }).sign(key.privateKey);
  }

  async publicKeyOf(kid: string): Promise<object> {
    const key = this.keys.get(kid);
    if (!key) throw new Error(`There is no key ${kid}`);
    return exportJWK(key.publicKey);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private async published(): Promise<object[]> {
    const entries = [...this.keys];
    return Promise.all(
      entries.map(async ([kid, { alg }]) => ({ ...(await this.publicKeyOf(kid)), kid, alg, use: 'sig' })),
    );
  }
}
