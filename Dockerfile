# The agent's image: Node, the libraries that it and the addon are linked to, and the npm package; no shell, no package manager.
# docs/install.md has the commands. The build stage runs on the platform of the machine that builds, and compiles for the image's.

# Debian 12 or newer with Node and npm, for the platform that builds and for that of the image.
ARG NODE_IMAGE=docker.io/library/node:24-bookworm

# Of the image's platform: nothing but its Node is wanted, and nothing is run.
FROM ${NODE_IMAGE} AS target

FROM --platform=${BUILDPLATFORM} ${NODE_IMAGE} AS build
WORKDIR /src
COPY . .
RUN scripts/setup
COPY --from=target /usr/local/bin/node /target/
ARG TARGETARCH
RUN scripts/package/image-files /image "${TARGETARCH}" /target/node

FROM scratch
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="ringtap" \
      org.opencontainers.image.description="eBPF observability agent for Linux: TCP, syscall, file and process events as Prometheus metrics, with a TypeScript userspace" \
      org.opencontainers.image.licenses="Apache-2.0 AND (GPL-2.0-only OR BSD-2-Clause)" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /image /
ENV PATH=/usr/local/bin
EXPOSE 19435
# For the address of CMD. Only Docker and Podman look; Kubernetes has probes of its own.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["node", "-e", \
  "require('node:http').get('http://127.0.0.1:19435/healthz', ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
ENTRYPOINT ["ringtap"]
# A container's own loopback would be of no use.
CMD ["run", "--web.listen-address=:19435"]
