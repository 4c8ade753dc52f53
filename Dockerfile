# syntax=docker/dockerfile:1

# The bundle is built with the packages of the lock file and holds everything that runs: no node_modules in the image.
FROM docker.io/library/node:26-trixie-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
# Without install scripts: none of the packages needs one to build.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY agent ./agent
COPY scripts ./scripts
RUN npm run build

# Node and its libraries, no shell, no package manager.
FROM gcr.io/distroless/nodejs26-debian13
WORKDIR /opt/kube-audit-agent
COPY --from=build /src/dist ./dist
COPY package.json LICENSE ./
COPY policies ./policies
# Two arenas instead of eight per core: the buffers are large and few, and free memory goes back to the system sooner.
ENV NODE_ENV=production MALLOC_ARENA_MAX=2
# The API server writes its audit log with mode 0600, and on most distributions it belongs to root. uid 0 reads it as the owner, with
# every capability dropped (see manifests/base/daemonset.yaml). Where another user owns the log, run the image as that user.
USER 0
EXPOSE 9464
ENTRYPOINT ["/nodejs/bin/node", "/opt/kube-audit-agent/dist/main.js"]
CMD ["run", "--config", "/etc/kube-audit-agent/config.yaml"]
