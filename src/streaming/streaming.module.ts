import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module';
import { StreamResponder } from './stream-responder';

/** Streaming for every API: SSE responses with heartbeats, back-pressure, resumption and an end when the session ends. */
@Module({ imports: [AuthModule], providers: [StreamResponder], exports: [StreamResponder] })
export class StreamingModule {}
