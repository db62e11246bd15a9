#!/usr/bin/env bash
# Builds the container image from bin/image/signpost: see make image. IMAGE names it; BUILDER chooses the program.
set -euo pipefail
cd "$(dirname "$0")/../../.."
image=${IMAGE:-signpost:$VERSION}
builders=(docker podman buildah)
[[ -z ${BUILDER:-} ]] || builders=("$BUILDER")

builder= reasons=()
for program in "${builders[@]}"; do
  if ! command -v "$program" >/dev/null; then
    reasons+=("$program is not installed")
  elif ! answer=$("$program" info 2>&1); then # docker may have no daemon, the others no user namespaces
    reasons+=("$program info failed: ${answer##*$'\n'}")
  else
    builder=$program
    break
  fi
done
if [[ -z $builder ]]; then
  echo 'image: no program can build the image. Install docker, podman or buildah, or start its service.' >&2
  printf 'image: %s\n' "${reasons[@]}" >&2
  exit 1
fi

platform=linux/$(go env GOARCH)
"$builder" build --quiet --platform "$platform" -t "$image" -f cmd/signpost/deploy/Dockerfile \
  --build-arg "VERSION=$VERSION" --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null)" bin/image >/dev/null
echo "image: $builder built $image for $platform, $(($(wc -c <bin/image/signpost) / 1000000)) MB."
echo 'image: cmd/signpost/OPERATIONS.md says how to run it: "How do I run it in a container?"'
