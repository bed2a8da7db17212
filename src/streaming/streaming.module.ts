import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module';
import { StreamResponder } from './stream-responder';

/** What every face that streams shares: SSE responses with heartbeats, back-pressure, resumption and an end of the session. */
@Module({ imports: [AuthModule], providers: [StreamResponder], exports: [StreamResponder] })
export class StreamingModule {}
