#!/bin/sh
# The client under test of sigstore-conformance (its docs/cli_protocol.md), which takes one program as its entry point:
#   - uses: sigstore/sigstore-conformance@…
#     with: {entrypoint: hack/conformance-client.sh, skip-signing: true}
root=$(dirname "$(readlink -f "$0")")/..
exec "$root/node_modules/.bin/node" "$root/src/main.ts" conformance "$@"
