#!/usr/bin/env bash
# Deploys to AWS the stack $STACK through the artifact bucket $ARTIFACTS. Arguments are parameters of template.yaml.
# With ANONYMOUS=1, the API requires no key.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [[ -z ${STACK:-} || -z ${ARTIFACTS:-} ]]; then
  echo "usage: make deploy STACK=name ARTIFACTS=bucket [ANONYMOUS=1] [PARAMS='Key=Value …']" >&2
  exit 2
fi
if [[ ${ANONYMOUS:-1} != 1 ]]; then
  echo "ANONYMOUS=$ANONYMOUS: set it to 1, or leave it unset" >&2
  exit 2
fi
if ! command -v aws >/dev/null; then
  echo 'make deploy requires the aws command: https://aws.amazon.com/cli/' >&2
  exit 2
fi

make --no-print-directory lambda build

# The template names files relative to itself, so the folder has the layout of this repository.
rm -rf bin/deploy
mkdir -p bin/deploy/cmd/lambda bin/deploy/openapi bin/deploy/bin
cp bin/lambda.zip bin/deploy/bin
bin/signpost spec --rest-api ${ANONYMOUS:+--anonymous} >bin/deploy/openapi/openapi.yaml

# An API Gateway deployment is a snapshot of the API. Its name depends on spec and template: a change replaces it.
hash=$(cat bin/deploy/openapi/openapi.yaml cmd/lambda/template.yaml | git hash-object --stdin | cut -c 1-12)
sed "s/DeploymentOfSpec/DeploymentOf$hash/" cmd/lambda/template.yaml >bin/deploy/cmd/lambda/template.yaml
aws cloudformation package --template-file bin/deploy/cmd/lambda/template.yaml \
  --s3-bucket "$ARTIFACTS" --s3-prefix "$STACK" --output-template-file bin/deploy/packaged.yaml >/dev/null

# The role that writes access logs is a setting of the region: the stack creates it only if there is none.
log_role=create
if [[ $(aws apigateway get-account --query cloudwatchRoleArn --output text) == arn:* ]]; then
  log_role=keep
fi
anonymous=false
if [[ ${ANONYMOUS:-} ]]; then
  anonymous=true
fi
aws cloudformation deploy --stack-name "$STACK" --template-file bin/deploy/packaged.yaml \
  --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset \
  --parameter-overrides Anonymous=$anonymous GatewayLogRole=$log_role "$@"

output() { # NAME
  aws cloudformation describe-stacks --stack-name "$STACK" --output text \
    --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue"
}
url=$(output Url)
printf '\nThe API is at %s. Try it:\n\n' "$url"
if [[ ${ANONYMOUS:-} ]]; then
  cat <<END
  url=\$(curl -s -X POST $url/import | cut -d '"' -f 4)
  curl --upload-file README.md "\$url"
  aws s3 ls --recursive s3://$(output Bucket)/imports/

This API requires no key. Anyone who knows its address can upload at your expense; only the throttle limits them. Anyone
who knows an import's id can read and delete it. To require the key again, run make deploy without ANONYMOUS=1.
END
else
  cat <<END
  key=\$(aws apigateway get-api-key --api-key $(output ApiKeyId) --include-value --query value --output text)
  url=\$(curl -s -X POST -H "x-api-key: \$key" $url/import | cut -d '"' -f 4)
  curl --upload-file README.md "\$url"
END
fi
