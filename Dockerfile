# syntax=docker/dockerfile:1
# By digest, so that a build is the same on each machine; how it is renewed, and how a tag is taken instead: docs/operate.md#images.
ARG NODE_IMAGE=node:24.19.0-bookworm-slim@sha256:a9f5f7c91a432850b2a8a7797adf5eadb6c733ceed61167806cee7ea7fbc29df
FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
# The image brings its own Node, so the one from the registry and its install script are not needed.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ormconfig.ts ./
COPY scripts ./scripts
COPY src ./src
COPY migrations ./migrations
COPY client ./client
COPY web ./web
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM ${NODE_IMAGE}
# docker build --build-arg VERSION=… --build-arg REVISION=$(git rev-parse HEAD)
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Parley" \
      org.opencontainers.image.description="A self-hosted, headless chat backend" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=3000 \
    DATA_DIR=/data
WORKDIR /app
# Volumes begin with the owner that their folder has here.
RUN mkdir /data /secrets /database-secret && chown node:node /data /secrets /database-secret
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# So that `npm run admin` and the other commands run here as well: without sources it builds nothing.
COPY --from=build /app/scripts ./scripts
# What `node dist/src/main.js --help` says of the variables.
COPY .env.example ./
USER node
VOLUME /data
EXPOSE 3000
# Longer than SHUTDOWN_GRACE_S, so that running replies can finish; see docker-compose.yml for the matching grace period.
STOPSIGNAL SIGTERM
# `live`, not `ready`: a container is restarted for its health, which mends no database.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD node -e "fetch('http://127.0.0.1:'+process.env.PORT+'/health/live').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"
# With the options of `npm run start:prod`: without it V8 spreads what lives for a moment over more than 100 MB.
CMD ["node", "--max-semi-space-size=16", "--heap-growing-percent=60", "dist/src/main.js"]
