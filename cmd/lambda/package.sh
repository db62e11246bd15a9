#!/usr/bin/env bash
# Uploads the function and the contract to the artifact bucket $ARTIFACTS, under $STACK/, and writes the template that
# names them: bin/deploy/packaged.yaml. With ANONYMOUS=1, the API requires no key or token. With FRONT=http it is an HTTP
# API, whose callers have access tokens of ISSUER for AUDIENCE.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [[ -z ${STACK:-} || -z ${ARTIFACTS:-} ]]; then
  cat >&2 <<'END'
usage: make deploy STACK=name ARTIFACTS=bucket [ANONYMOUS=1] [PARAMS='Key=Value …']
       make deploy STACK=name ARTIFACTS=bucket FRONT=http ISSUER=url AUDIENCE=name [PARAMS='Key=Value …']
       make package with the same variables, without PARAMS
END
  exit 2
fi
if [[ ! ${FRONT:=rest} =~ ^(rest|http)$ ]]; then
  echo "FRONT=$FRONT: set it to rest for API keys, or to http for access tokens" >&2
  exit 2
fi
if [[ ${ANONYMOUS:-1} != 1 ]]; then
  echo "ANONYMOUS=$ANONYMOUS: set it to 1, or leave it unset" >&2
  exit 2
fi
if [[ $FRONT == http && ! ${ANONYMOUS:-} && ! (${ISSUER:-} && ${AUDIENCE:-}) ]]; then
  echo 'FRONT=http requires ISSUER and AUDIENCE, or ANONYMOUS=1' >&2
  exit 2
fi
if [[ $FRONT == rest && ${ISSUER:-}${AUDIENCE:-} ]]; then
  echo 'ISSUER and AUDIENCE require FRONT=http: API Gateway checks tokens only for HTTP APIs' >&2
  exit 2
fi
if ! command -v aws >/dev/null; then
  echo 'make deploy and make package require the aws command: https://aws.amazon.com/cli/' >&2
  exit 2
fi

make --no-print-directory lambda build

# The template names files relative to itself, so the folder has the layout of this repository.
rm -rf bin/deploy
mkdir -p bin/deploy/cmd/lambda bin/deploy/bin
cp bin/lambda.zip bin/deploy/bin
bin/signpost spec "--$FRONT-api" ${ANONYMOUS:+--anonymous} \
  ${ISSUER:+--issuer="$ISSUER"} ${AUDIENCE:+--audience="$AUDIENCE"} >bin/deploy/openapi.yaml

# An API Gateway deployment is a snapshot of the API. Its name depends on spec and template: a change replaces it.
# aws cloudformation package does not upload the bodies of HTTP APIs.
hash=$(cat bin/deploy/openapi.yaml cmd/lambda/template.yaml | git hash-object --stdin | cut -c 1-12)
aws s3 cp --only-show-errors bin/deploy/openapi.yaml "s3://$ARTIFACTS/$STACK/$hash.yaml"
sed -e "s/DeploymentOfSpec/DeploymentOf$hash/" \
  -e "s|BodyS3Location: .*|BodyS3Location: {Bucket: $ARTIFACTS, Key: $STACK/$hash.yaml}|" \
  cmd/lambda/template.yaml >bin/deploy/cmd/lambda/template.yaml
aws cloudformation package --template-file bin/deploy/cmd/lambda/template.yaml \
  --s3-bucket "$ARTIFACTS" --s3-prefix "$STACK" --output-template-file bin/deploy/packaged.yaml >/dev/null
echo 'The template is bin/deploy/packaged.yaml.'
