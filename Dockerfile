# docker build -t assay:0.1.0 .
#
# Both images can be pinned by digest for a build that is to be repeated bit by bit:
#   docker build --build-arg BUILD=node@sha256:… --build-arg RUNTIME=gcr.io/distroless/nodejs24-debian13@sha256:… .
ARG BUILD=node:24.21.0-trixie-slim
ARG RUNTIME=gcr.io/distroless/nodejs24-debian13:nonroot

# What is built is JavaScript: the same on every platform, so it is built on the builder's own.
FROM --platform=$BUILDPLATFORM ${BUILD} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY hack/build.ts hack/
COPY hack/build hack/build
COPY src src
RUN node hack/build.ts

FROM ${RUNTIME}
LABEL org.opencontainers.image.title="assay" \
      org.opencontainers.image.description="Verifies container images, pins their tags to the verified digests, and says why" \
      org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app
COPY --from=build /build/dist ./
COPY LICENSE ./
# By number, so that runAsNonRoot can be checked. It writes to no file, so the root file system can be read-only.
USER 65532:65532
EXPOSE 8080 8081
ENTRYPOINT ["/nodejs/bin/node", "--enable-source-maps", "/app/cli.js"]
CMD ["run"]
