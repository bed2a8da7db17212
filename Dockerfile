# syntax=docker/dockerfile:1
FROM node:24-bookworm-slim AS build
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

FROM node:24-bookworm-slim
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=3000 \
    DATA_DIR=/data
WORKDIR /app
RUN mkdir /data && chown node:node /data
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# So that `npm run admin` and the other commands run here as well: without sources it builds nothing.
COPY --from=build /app/scripts ./scripts
USER node
VOLUME /data
EXPOSE 3000
# Longer than SHUTDOWN_GRACE_S, so that running replies can finish; see docker-compose.yml for the matching grace period.
STOPSIGNAL SIGTERM
# `live`, not `ready`: a container is restarted for its health, which mends no database.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD node -e "fetch('http://127.0.0.1:'+process.env.PORT+'/health/live').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"
# As in `npm run start:prod`: without it V8 spreads what lives for a moment over more than 100 MB.
CMD ["node", "--max-semi-space-size=16", "--heap-growing-percent=60", "dist/src/main.js"]
